"""Rule: no wheel brings a file that the host has, or a module that hides one of the host or is hidden by one."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from lockhouse.audits import Subject
from lockhouse.audits.cures import ways_out
from lockhouse.audits.host import protected_names, replaced_in
from lockhouse.audits.telling import about
from lockhouse.extensions import may_be_compiled
from lockhouse.findings import Finding
from lockhouse.hosts.reading import recorded_paths
from lockhouse.inventory import Inventory
from lockhouse.wheels.facts import WheelFacts
from lockhouse.wheels.ownership import holds_the_same

__all__ = ["HostFiles", "protected_in_the_way"]

SHOWN = 3
NOBODY = "nobody that says so"


class HostFiles:
    """Refuse wheels whose files or modules are in conflict with the host's."""

    name = "host-files"
    needs_wheels = True

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each wheel and owner of files, and for each module that would be hidden."""
        if subject.host is None:
            return
        files = _HostFiles(subject, subject.host)
        protected = protected_names(subject)
        for name, facts in subject.facts.items():
            yield from self._collisions(subject, files, name, facts, protected)
            yield from self._modules(subject, files, name, facts, protected)

    def _collisions(
        self, subject: Subject, files: _HostFiles, name: str, facts: WheelFacts, protected: frozenset[str]
    ) -> Iterator[Finding]:
        found: dict[str, list[str]] = defaultdict(list)
        for place in files.in_the_way(facts):
            found[files.owner(place)].append(place)
        for owner, places in found.items():
            several = len(places) > 1
            kind = "protected" if owner.partition(" ")[0] in protected else "collision"
            more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
            yield about(
                subject,
                name,
                f"host-files.{kind}",
                "refuse",
                f" brings {len(places)} file{'s' * several} that {owner} has in the host, with other content: "
                f"{', '.join(places[:SHOWN])}{more}",
                cures=ways_out(subject, name),
            )

    def _modules(
        self, subject: Subject, files: _HostFiles, name: str, facts: WheelFacts, protected: frozenset[str]
    ) -> Iterator[Finding]:
        for module in facts.modules:
            for place, first in files.other_homes(module, facts):
                owner = files.owner(place)
                whose = owner.partition(" ")[0]
                if first:
                    says = f" brings the module {module}, which {place} of {owner} in the host hides"
                    yield about(subject, name, "host-files.hidden", "refuse", says, cures=ways_out(subject, name))
                else:
                    yield about(
                        subject,
                        name,
                        "host-files.hides",
                        "refuse" if whose in protected else "warn",
                        f" brings the module {module}, which hides {place} of {owner} in the host",
                        hint=f"leave out {name}, or make sure that nobody needs the host's {module}",
                        cures=ways_out(subject, name),
                    )


def protected_in_the_way(subject: Subject) -> frozenset[str]:
    """Find the files of protected distributions that wheels have other content for."""
    if subject.host is None:
        return frozenset()
    files, protected = _HostFiles(subject, subject.host), protected_names(subject)
    near = (place for facts in subject.facts.values() for place in files.in_the_way(facts))
    return frozenset(place for place in near if files.owner(place).partition(" ")[0] in protected)


class _HostFiles:
    """The files of a host, as far as wheels come near them."""

    def __init__(self, subject: Subject, host: Inventory) -> None:
        self.host = host
        self.places = {key: os.path.realpath(path) for key, path in host.places.items()}
        self.gone: set[str] = set()
        for item in (*replaced_in(subject, host), *subject.making_way):
            self.gone |= {
                os.path.normpath(f"{os.path.realpath(item.site)}/{path}") for path in recorded_paths(item) or ()
            }
            self.gone.add(os.path.realpath(item.metadata))

    @cached_property
    def owners(self) -> dict[str, str]:
        """Whose the files of the host are; read only when something is in the way."""
        found: dict[str, str] = {}
        for item in self.host.distributions:
            site = os.path.realpath(item.site)
            for path in recorded_paths(item) or ():
                found.setdefault(os.path.normpath(f"{site}/{path}"), f"{item.name} {item.version}")
            for name in item.imports:  # without a RECORD, what a name says
                found.setdefault(f"{site}/{name.replace('.', '/')}", f"{item.name} {item.version}")
        return found

    def owner(self, place: str) -> str:
        """Name whose a file or folder is."""
        folder = place
        while len(folder) > 1:
            if folder in self.owners:
                return self.owners[folder]
            inside = next((whose for path, whose in self.owners.items() if path.startswith(f"{folder}/")), None)
            if inside is not None and folder == place:
                return inside
            folder = os.path.dirname(folder)  # noqa: PTH120
            if folder in (*self.places.values(), *(os.path.realpath(site.path) for site in self.host.sites)):
                break
        stem = place.rpartition(".")[0]
        return self.owners.get(stem, NOBODY)

    def in_the_way(self, facts: WheelFacts) -> Iterator[str]:
        """Files of the host that a wheel has other content for."""
        site = self.places["purelib" if facts.purelib else "platlib"]
        shared = tuple(root for root in facts.roots if os.path.lexists(f"{site}/{root}"))
        near = tuple(f"{root}/" for root in shared)
        for path, digest in facts.digests.items():
            if path.startswith(f"{facts.data_dir}/"):
                scheme, _, rest = path.removeprefix(f"{facts.data_dir}/").partition("/")
                place = f"{self.places[scheme]}/{f'{facts.name}/' if scheme == 'headers' else ''}{rest}"
            elif path in shared or path.startswith(near):
                place = f"{site}/{path}"
            else:
                continue
            if self._stays(place) and not holds_the_same(Path(place), digest):
                yield place
        for point in facts.commands:
            place = f"{self.places['scripts']}/{point.name}{'.exe' if os.name == 'nt' else ''}"
            if self._stays(place):
                yield place

    def other_homes(self, module: str, facts: WheelFacts) -> Iterator[tuple[str, bool]]:
        """Where else in the host there is something by the name of a module, and whether that would be imported."""
        own = self.places["purelib" if facts.purelib else "platlib"]
        forms = {root for root in facts.roots if root.partition(".")[0] == module}
        before = own in (os.path.realpath(site.path) for site in self.host.sites)
        for site in self.host.sites:
            folder = os.path.realpath(site.path)
            if folder == own:
                before = False
            for place in _forms(folder, module):
                if not self._stays(place) or (folder == own and os.path.basename(place) in forms):  # noqa: PTH119
                    continue  # the same file or folder: what is in it tells
                yield place, before if folder != own else _rank(place) < min(map(_rank, forms), default=0)

    def _stays(self, place: str) -> bool:
        if not os.path.lexists(place) or place in self.gone:
            return False
        # A folder goes when all that is in it does.
        return not os.path.isdir(place) or not any(path.startswith(f"{place}/") for path in self.gone)  # noqa: PTH112


def _forms(folder: str, module: str) -> Iterator[str]:
    """What in a folder can be imported by a name: a package, or a file."""
    package = f"{folder}/{module}"
    if any(os.path.lexists(f"{package}/__init__{ending}") for ending in (".py", ".pyc")):
        yield package
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError:
        return
    for name in sorted(names):
        if name.partition(".")[0] == module and (name.endswith(".py") or may_be_compiled(name)):
            yield f"{folder}/{name}"


def _rank(place: str) -> int:
    """Which form comes first in one folder: a package, then what is compiled, then a source file."""
    name = os.path.basename(place)  # noqa: PTH119
    return 0 if "." not in name else 1 if may_be_compiled(name) else 2
