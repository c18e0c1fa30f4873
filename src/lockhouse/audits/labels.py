"""Rule: what is built for the variant's accelerator carries the variant's label, all of it the same one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from lockhouse.audits import Subject
from lockhouse.audits.cures import moving, ways_out
from lockhouse.audits.telling import about, described
from lockhouse.findings import Change, Cure, Finding, Severity
from lockhouse.plan import PlannedDistribution

__all__ = ["Labels"]

VARIANT = "variant"
DEFAULT = "default"
"""What plan and manifest call the index of the variant, and the one that serves what has no route."""


class Labels:
    """Refuse builds for another accelerator than the plan's, and mixtures of several."""

    name = "labels"
    needs_wheels = False

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each build that does not belong to the variant, or does not go with the others."""
        if subject.accelerator is None:
            yield from self._neighbours(subject)
            return
        family = [item for item in subject.plan.distributions if item.name in subject.accelerator.labelled]
        if subject.plan.label is not None:
            label = _local(f"0+{subject.plan.label}")
            for item in family:
                local = _local(item.version)
                if local is None and not _said_to_be_unlabelled(subject, item):
                    yield self._unlabelled(subject, item)
                elif local not in (None, label):
                    yield self._other(subject, item)
            yield from self._of_other_variants(subject, label)
            return
        first: PlannedDistribution | None = None
        for item in family:
            if _local(item.version) is None:
                continue
            first = first or item
            if _local(item.version) != _local(first.version):
                yield self._mixture(subject, item, first, "refuse")

    def _of_other_variants(self, subject: Subject, label: str | None) -> Iterator[Finding]:
        """Of the family, what need not carry a label must not carry that of another variant either."""
        accelerator = subject.accelerator
        assert accelerator is not None
        variants = {_local(f"0+{variant.name}") for variant in subject.manifest.variants}
        for item in subject.plan.distributions:
            local = _local(item.version)
            if item.name not in accelerator.family - accelerator.labelled or local in (None, label):
                continue
            if local in variants or accelerator.claims(local):
                yield self._other(subject, item)

    def _unlabelled(self, subject: Subject, item: PlannedDistribution) -> Finding:
        variant, label = subject.plan.target.variant, subject.plan.label
        elsewhere = DEFAULT if item.index == VARIANT else item.index
        unlabelled = _routed(subject, item, None, elsewhere, f"if the index {elsewhere} carries the {variant} build")
        return about(
            subject,
            item.name,
            "labels.missing",
            "refuse",
            f" carries no label, so it is not the build for {variant} (+{label}); it came from the index {item.index}",
            cures=(*_of_the_variant(subject, item), *unlabelled, *ways_out(subject, item.name)),
        )

    def _other(self, subject: Subject, item: PlannedDistribution) -> Finding:
        variant, label = subject.plan.target.variant, subject.plan.label
        return about(
            subject,
            item.name,
            "labels.other",
            "refuse",
            f" is built for +{_local(item.version)}, the plan is for {variant} (+{label})",
            cures=(
                *_of_the_variant(subject, item),
                *_for_another_variant(subject, item),
                *ways_out(subject, item.name),
            ),
        )

    def _neighbours(self, subject: Subject) -> Iterator[Finding]:
        """Without an accelerator nobody knows whose labels mean hardware: hold those together that need each other."""
        for item in subject.plan.distributions:
            for name in dict.fromkeys(edge.target for edge in subject.graph.edges(item.name)):
                other = subject.plan.distribution(name)
                if other is None or None in (_local(item.version), _local(other.version)):
                    continue
                if _local(item.version) != _local(other.version):
                    yield self._mixture(subject, item, other, "warn")

    def _mixture(
        self, subject: Subject, item: PlannedDistribution, other: PlannedDistribution, severity: Severity
    ) -> Finding:
        return about(
            subject,
            item.name,
            "labels.mixed",
            severity,
            f" and {described(subject, other.name)} are built differently: "
            f"+{_local(item.version)} and +{_local(other.version)}",
            hint=f"take {item.name} and {other.name} from the same index",
            cures=(*_like(subject, item, other), *_like(subject, other, item)) if severity == "refuse" else None,
        )


def _of_the_variant(subject: Subject, item: PlannedDistribution) -> Iterator[Cure]:
    """Take the build with the variant's label, from the variant's own index."""
    yield from _routed(subject, item, subject.plan.label, VARIANT, "to take the variant's build")


def _for_another_variant(subject: Subject, item: PlannedDistribution) -> Iterator[Cure]:
    """Build for the variant that it was built for, if the manifest has it."""
    for variant in subject.manifest.variants:
        if _local(f"0+{variant.name}") == _local(item.version):
            yield Cure(text=f"build for what it was built for: run with -a {variant.name}")


def _routed(subject: Subject, item: PlannedDistribution, label: str | None, index: str, why: str) -> Iterator[Cure]:
    """Say in the variant which build is wanted, and where it comes from; with the extras that were asked for."""
    variant = subject.manifest.variant(subject.plan.target.variant)
    if variant is None:
        return
    wish = Requirement(item.requirement or item.name)
    version = Version(item.version).public
    wish.specifier = SpecifierSet(f"=={version}+{label}" if label else f"=={version}")
    change = Change(action="route", variant=variant.name, requirement=str(wish), index=index)
    written = json.dumps({item.name: {"requirement": str(wish), "index": index}})
    yield Cure(text=f"{why}, have variants.{variant.name}.requirements say {written}", changes=(change,))


def _like(subject: Subject, item: PlannedDistribution, other: PlannedDistribution) -> Iterator[Cure]:
    """Have one with the label of the other."""
    wanted = SpecifierSet(f"=={Version(item.version).public}+{_local(other.version)}")
    yield from moving(subject, item.name, wanted)


def _local(version: str) -> str | None:
    return Version(version).local


def _said_to_be_unlabelled(subject: Subject, item: PlannedDistribution) -> bool:
    """Whether the manifest says for the variant that another index than its own carries the build, unlabelled."""
    variant = subject.manifest.variant(subject.plan.target.variant)
    for written, wish in variant.requirements.items() if variant and item.index != VARIANT else ():
        if canonicalize_name(written) == item.name:
            return all(_unlabelled_specifier(str(one)) for one in Requirement(wish.requirement).specifier)
    return False


def _unlabelled_specifier(specifier: str) -> bool:
    return "+" not in specifier
