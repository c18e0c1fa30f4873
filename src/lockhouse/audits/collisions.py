"""Rule: no two wheels bring the same file, unless it is the same indeed.

Other installers let the last one win without a word. Which one that is depends on their order, and removing either
takes the file from both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from lockhouse.audits import Subject
from lockhouse.audits.cures import ways_out
from lockhouse.audits.layout import Layout, layout_of
from lockhouse.audits.telling import about, described, several
from lockhouse.findings import Cure, Finding
from lockhouse.wheels.facts import WheelFacts

__all__ = ["Collisions"]

SHOWN = 3
COMMAND = "command "
"""How the content of a script begins that an installation makes of an entry point."""


class _Brought(NamedTuple):
    """A file that a distribution brings; ``content`` is its hash, or what a command runs."""

    name: str
    place: str
    content: str


class Collisions:
    """Refuse wheels that would overwrite each other's files, or those of the environment itself."""

    name = "collisions"
    needs_wheels = True

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each pair of distributions that differ about files, and one note for all the rest."""
        layout = layout_of(subject.plan.target)
        brought = _brought(subject, layout)
        pairs: dict[tuple[str, str], list[tuple[_Brought, _Brought]]] = defaultdict(list)
        for items in brought.values():
            for earlier, later in pairwise(items):
                if earlier.name != later.name:
                    pairs[earlier.name, later.name].append((earlier, later))
        for (first, second), both in pairs.items():
            yield from self._pair(subject, first, second, both)
        yield from self._folders(subject, layout, brought)
        yield from self._own(subject, layout)
        yield from self._same(subject, brought)

    def _pair(
        self, subject: Subject, first: str, second: str, both: list[tuple[_Brought, _Brought]]
    ) -> Iterator[Finding]:
        for kind, commands in (("files", False), ("commands", True)):
            some = [pair for pair in both if _is_command(pair[1]) is commands]
            differing = [later for earlier, later in some if earlier.content != later.content]
            if not differing:
                continue
            what = f"{len(some)} {kind if len(some) > 1 else kind[:-1]}"
            others = f"{len(differing)} of them with other content" if len(some) > 1 else "with other content"
            yield about(
                subject,
                second,
                f"collisions.{kind}",
                "refuse",
                f" brings {what} that {described(subject, first)} brings as well, {others}: {_listed(differing)}; "
                f"installed later, it would overwrite them",
                cures=_keep_one(subject, second, first),
            )

    def _folders(self, subject: Subject, layout: Layout, brought: Mapping[str, list[_Brought]]) -> Iterator[Finding]:
        """Find files that lie where another wheel needs a folder."""
        inside: dict[str, _Brought] = {}
        for items in brought.values():
            for item in items:
                folder = item.place
                while folder := folder.rpartition("/")[0]:
                    if inside.setdefault(layout.key(folder), item) is not item:
                        break
        for key in brought.keys() & inside.keys():
            file, within = brought[key][0], inside[key]
            if file.name == within.name:
                continue
            yield about(
                subject,
                file.name,
                "collisions.folder",
                "refuse",
                f" brings the file {_short(file.place)} where {described(subject, within.name)} has a folder: "
                + _short(within.place),
                cures=_keep_one(subject, file.name, within.name),
            )

    def _own(self, subject: Subject, layout: Layout) -> Iterator[Finding]:
        """Find files that every environment has before a distribution comes."""
        own = {layout.key(place) for place in layout.own()}
        for name, facts in subject.facts.items():
            places = [layout.place(path, facts) for path in facts.elsewhere]
            places += [layout.command(point) for point in facts.commands]
            bad = [place for place in places if layout.key(place) in own or place.partition("/")[0] == ".lockhouse"]
            if bad:
                yield about(
                    subject,
                    name,
                    "collisions.environment",
                    "refuse",
                    f" brings {several(bad, SHOWN)}, which belongs to the environment itself",
                )

            scripts = {layout.key(layout.command(point)) for point in facts.commands}
            twice = [place for place in places[: len(facts.elsewhere)] if layout.key(place) in scripts]
            if twice:
                yield about(
                    subject,
                    name,
                    "collisions.itself",
                    "refuse",
                    f" brings {several(twice, SHOWN)} twice: as a script, and as a command",
                )

    def _same(self, subject: Subject, brought: Mapping[str, list[_Brought]]) -> Iterator[Finding]:
        """Tell of files that are the same, once for the plan."""
        same = [items for items in brought.values() if len(items) > 1 and len({item.content for item in items}) == 1]
        if not same:
            return
        same.sort(key=len, reverse=True)
        shown = [f"{_short(items[0].place)} ({len(items)} distributions)" for items in same]
        files = f"{len(same)} files come" if len(same) > 1 else "1 file comes"
        yield Finding(
            rule=self.name,
            code="collisions.same",
            severity="note",
            distribution="",
            chain=(),
            message=f"{files} from several distributions with the same content: {several(shown, SHOWN)}",
            hint="nothing to do: whoever comes last, it is the same",
        )


def _brought(subject: Subject, layout: Layout) -> dict[str, list[_Brought]]:
    """Find what is brought to each place, in the order of installation.

    Most wheels have their folders to themselves: only where roots are shared are files looked at.
    """
    users: dict[str, set[str]] = defaultdict(set)
    for name, facts in subject.facts.items():
        for root in _roots(facts, layout):
            users[root].add(name)
    shared = {root for root, names in users.items() if len(names) > 1}
    brought: dict[str, list[_Brought]] = {}
    for item in subject.plan.distributions:
        found = subject.facts.get(item.name)
        if found is not None and shared & _roots(found, layout):
            for place, content in _files(found, layout, shared):
                brought.setdefault(layout.key(place), []).append(_Brought(item.name, place, content))
    return brought


def _roots(facts: WheelFacts, layout: Layout) -> set[str]:
    places = [layout.place(path, facts) for path in facts.elsewhere]
    places += [layout.command(point) for point in facts.commands]
    return {_root(layout.key(place), layout) for place in places} | {
        layout.key(f"{layout.site}/{root}") for root in facts.roots
    }


def _root(key: str, layout: Layout) -> str:
    """The top-level name in ``site-packages``, else the first folder in the environment."""
    site = layout.key(f"{layout.site}/")
    if key.startswith(site):
        return site + key[len(site) :].partition("/")[0]
    return key.partition("/")[0]


def _files(facts: WheelFacts, layout: Layout, shared: set[str]) -> Iterator[tuple[str, str]]:
    for point in facts.commands:
        place = layout.command(point)
        if _root(layout.key(place), layout) in shared:
            yield place, f"{COMMAND}{point.target}{' (no console)' if point.gui else ''}"
    for path, digest in facts.digests.items():
        place = layout.place(path, facts)
        if _root(layout.key(place), layout) in shared:
            yield place, digest


def _is_command(item: _Brought) -> bool:
    return item.content.startswith(COMMAND)


def _listed(items: list[_Brought]) -> str:
    return several([_short(item.place) for item in items], SHOWN)


def _short(place: str) -> str:
    """Write a place as people know it: from ``site-packages`` on."""
    return place.rpartition("site-packages/")[2]


def _keep_one(subject: Subject, *names: str) -> tuple[Cure, ...]:
    """Give what takes one or the other out of the plan."""
    return tuple(dict.fromkeys(cure for name in names for cure in ways_out(subject, name)))
