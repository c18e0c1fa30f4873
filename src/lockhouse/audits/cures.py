"""Cures: the smallest changes to the manifest that would take a finding away.

What a cure cuts, drops or leaves out is worked out on the graph, over all ways and not only those that are shown, so it
is sure. What it moves to another version is a window: which versions there are only the indexes know.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from packaging.requirements import Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version

from lockhouse.audits import Subject
from lockhouse.audits.chains import stage_of
from lockhouse.findings import Change, Cure, Finding
from lockhouse.plan import PlannedDistribution
from lockhouse.resolution.graph import Edge

__all__ = [
    "another_version",
    "cured",
    "cutting",
    "in_words",
    "leaving_out",
    "moving",
    "outside",
    "replacing",
    "taking_out",
    "together",
    "ways_out",
]

NAMED = 3
"""Names in a sentence; the others are counted."""


def ways_out(subject: Subject, name: str) -> Iterator[Cure]:
    """Give what takes a distribution out of the plan, the smallest change first; nothing for what is not planned."""
    yield from taking_out(subject, name)
    yield from leaving_out(subject, name)


def replacing(subject: Subject, name: str) -> Iterator[Cure]:
    """Give what helps against a wheel that will not do: not to bring it, another version, or to do without."""
    yield from taking_out(subject, name)
    yield from another_version(subject, name)
    yield from leaving_out(subject, name)


def cured(subject: Subject, finding: Finding) -> Finding:
    """Give a refusal the cures that its rule left out, and a hint that says them where it has none."""
    if finding.cures or finding.severity != "refuse":
        return finding
    cures = tuple(ways_out(subject, finding.distribution))
    return replace(finding, cures=cures, hint=finding.hint or in_words(cures))


def in_words(cures: Iterable[Cure]) -> str:
    """Say cures in one sentence."""
    return "; or ".join(cure.text for cure in cures)


def cutting(edge: Edge) -> Iterator[Cure]:
    """Cut one edge."""
    change = Change(action="exclude", distribution=edge.source, dependency=edge.target)
    text = f"add {_entry(edge.source, edge.target)} to exclude, if {edge.source} can do without it"
    yield Cure(text=text, changes=(change,), sure=True)


def taking_out(subject: Subject, name: str) -> Iterator[Cure]:
    """Cut all edges to a distribution; if the manifest lists it too, no longer ask for it."""
    here = subject.graph.reachable()
    sources = sorted({edge.source for edge in subject.graph.into(name)} & here)
    item = subject.plan.distribution(name)
    listed = item is not None and item.requirement is not None
    if not sources or (listed and stage_of(subject, name) is None):
        return  # nobody asks for it, or it comes with every environment
    changes = tuple(Change(action="exclude", distribution=source, dependency=name) for source in sources)
    text = f"add {_listed([_entry(source, name) for source in sources])} to exclude"
    if item is not None and listed:
        changes = (*changes, _drop(subject, item))
        text += f" and drop {item.requirement} from stage {_stage(subject, item)}"
    yield Cure(text=f"{text}, if {_listed(sources)} can do without it", changes=changes, sure=True)


def leaving_out(subject: Subject, name: str) -> Iterator[Cure]:
    """Do without all requirements of the manifest that bring a distribution; or let their stages be left out."""
    roots = _roots(subject, name)
    if not roots or any(stage_of(subject, item.name) is None for item in roots):
        return  # pip, setuptools and wheel come with every environment
    if len(roots) < sum(len(stage.requirements) for stage in subject.manifest.stages):  # else nothing would be left
        asked = [f"{item.requirement} from stage {_stage(subject, item)}" for item in roots]
        yield Cure(text=f"drop {_listed(asked)}", changes=tuple(_drop(subject, item) for item in roots), sure=True)
    stages = list(dict.fromkeys(_stage(subject, item) for item in roots))
    optional = {stage.name for stage in subject.manifest.stages if stage.optional}
    needed = [stage for stage in stages if stage not in optional]
    if needed:
        noun = "stage" if len(needed) == 1 else "stages"
        changes = tuple(Change(action="make-optional", stage=stage) for stage in needed)
        yield Cure(text=f"make {noun} {_listed(needed)} optional", changes=changes, sure=True)
    else:
        yield Cure(text=f"run with {' '.join(f'--without {stage}' for stage in stages)}", sure=True)


def moving(subject: Subject, name: str, wanted: SpecifierSet, *, stage: str | None = None) -> Iterator[Cure]:
    """Have a distribution in a wanted version: change the manifest's own requirement, or list one in a stage.

    Nothing if no version is both wanted and what those who ask for it accept. ``stage`` is where to list what is not
    planned.
    """
    accepted = together(edge.requirement.specifier for edge in subject.graph.into(name))
    if (accepted & wanted).is_unsatisfiable():
        return
    item = subject.plan.distribution(name)
    newest = _at_hand(subject, name, accepted & wanted)
    known = f" ({newest} is at hand)" if newest else ""
    if item is None or item.requirement is None:
        line = f"{name}{_brief(wanted)}"
        place = _place_for(subject, item, stage)
        yield Cure(
            text=f"list {line} in stage {place}{known}",
            changes=(Change(action="list", stage=place, requirement=line),),
        )
        return
    own = Requirement(item.requirement)
    narrowed = own.specifier & wanted
    if not (narrowed & accepted).is_unsatisfiable():
        own.specifier = _brief(narrowed)
    elif newest and _is_pin(own.specifier):
        own.specifier, known = SpecifierSet(f"=={newest}"), known.replace(f"{newest} ", "it ")
    else:
        own.specifier = _brief(wanted)
    change = _replace(subject, item, str(own))
    place = f"variant {change.variant}" if change.variant else f"stage {change.stage}"
    verb = f"change {item.requirement} in {place} to {own}" if change.action == "replace" else f"list {own} in {place}"
    yield Cure(text=verb + known, changes=(change,))


def outside(subject: Subject, name: str, window: SpecifierSet) -> Iterator[Cure]:
    """Have a distribution in a version outside of a window: one cure for each side that is open."""
    for specifier in sorted(window, key=str):
        for other in _opposites(specifier):
            yield from moving(subject, name, SpecifierSet(other))


def another_version(subject: Subject, name: str) -> Iterator[Cure]:
    """Have a distribution in any version but the planned one."""
    item = subject.plan.distribution(name)
    if item is not None:
        yield from moving(subject, name, SpecifierSet(f"!={Version(item.version).public}"))


def together(specifiers: Iterable[SpecifierSet]) -> SpecifierSet:
    """Give the versions that all of these accept, in as few words as they can be said."""
    everything = SpecifierSet()
    for specifier in specifiers:
        everything &= specifier
    return _brief(everything)


def _brief(specifiers: SpecifierSet) -> SpecifierSet:
    """Leave out bounds that a closer one makes needless."""
    low = [item for item in specifiers if item.operator in (">", ">=")]
    high = [item for item in specifiers if item.operator in ("<", "<=")]
    kept = [item for item in specifiers if item not in low and item not in high]
    if low:
        kept.append(max(low, key=lambda item: (Version(item.version), item.operator == ">")))
    if high:
        kept.append(min(high, key=lambda item: (Version(item.version), item.operator == "<=")))
    return SpecifierSet(",".join(str(item) for item in kept))


def _opposites(specifier: Specifier) -> tuple[str, ...]:
    """Say what a specifier shuts out; newer versions first."""
    version = specifier.version
    if specifier.operator == "~=":
        release = Version(version).release[:-1]
        return f">={'.'.join(map(str, (*release[:-1], release[-1] + 1)))}", f"<{version}"
    opposite = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "===": "!=", "!=": "=="}
    return (f"{opposite[specifier.operator]}{version}",)


def _roots(subject: Subject, name: str) -> list[PlannedDistribution]:
    """The requirements of the manifest that bring a distribution, in the order of the plan."""
    found, waiting = set(), [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(edge.source for edge in subject.graph.into(one))
    return [item for item in subject.plan.distributions if item.name in found and item.requirement is not None]


def _at_hand(subject: Subject, name: str, wanted: SpecifierSet) -> str | None:
    """The newest version that is wanted and here, without asking anybody."""
    fit = [version for version in subject.at_hand(name) if wanted.contains(version, prereleases=True)]
    return max(fit, key=Version, default=None)


def _is_pin(specifiers: SpecifierSet) -> bool:
    return any(item.operator == "==" and not item.version.endswith(".*") for item in specifiers)


def _entry(source: str, target: str) -> str:
    """Write the manifest's ``exclude`` entry that cuts an edge."""
    return json.dumps({"distribution": source, "dependency": target})


def _drop(subject: Subject, item: PlannedDistribution) -> Change:
    return Change(action="drop", stage=_stage(subject, item), distribution=item.name)


def _replace(subject: Subject, item: PlannedDistribution, requirement: str) -> Change:
    """Change the requirement where it counts: that of the variant stands in for the stage's."""
    variant = subject.manifest.variant(subject.plan.target.variant)
    if variant is not None and item.name in variant.requirements:
        return Change(action="replace", variant=variant.name, requirement=requirement, distribution=item.name)
    stage = stage_of(subject, item.name)
    if stage is None:  # a tool that comes with every environment
        return Change(action="list", stage=_place_for(subject, item, None), requirement=requirement)
    return Change(action="replace", stage=stage.name, requirement=requirement, distribution=item.name)


def _stage(subject: Subject, item: PlannedDistribution) -> str:
    stage = stage_of(subject, item.name)
    return stage.name if stage else item.stage


def _place_for(subject: Subject, item: PlannedDistribution | None, stage: str | None) -> str:
    """The stage to list something in: where it is installed anyway, else the first there is."""
    named = stage or (item.stage if item else None)
    known = [candidate.name for candidate in subject.manifest.stages]
    return named if named in known else known[0]


def _listed(parts: Sequence[str]) -> str:
    """Put names into a sentence."""
    if len(parts) <= NAMED:
        return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    return f"{', '.join(parts[:NAMED])} and {len(parts) - NAMED} more"
