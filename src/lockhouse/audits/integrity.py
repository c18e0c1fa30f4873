"""Rule: every planned wheel is here, is the one that was planned, and is safe to unpack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from lockhouse.audits import Subject
from lockhouse.audits.telling import about
from lockhouse.blacklist import never_fetched
from lockhouse.errors import LockhouseError, UnsafeWheel
from lockhouse.findings import Finding
from lockhouse.plan import PlannedDistribution
from lockhouse.wheels.facts import known_facts
from lockhouse.wheels.wheelhouse import Wheelhouse

__all__ = ["Integrity"]


PASSING = frozenset({"missing", "changed", "unreadable", "filename"})
"""What is not the wheel's own fault: no change to the manifest would help."""


class Integrity:
    """Refuse wheels that are missing, changed, or break the format in a way that must not be unpacked."""

    name = "integrity"
    needs_wheels = True

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each planned wheel that is not among the subject's good ones."""
        unfetched = never_fetched(subject.manifest, subject.plan, subject.markers)
        for item in subject.plan.distributions:
            path = subject.files.get(item.name)
            if item.name in subject.facts:
                continue
            if path is None:
                says = f"{item.filename!r} is no plain file name"
                yield self._finding(subject, item, "filename", says, "plan again; do not trust the index it came from")
            elif path.exists() or item.name not in unfetched:
                yield from self._fault(subject, item, path)

    def _fault(self, subject: Subject, item: PlannedDistribution, path: Path) -> Iterator[Finding]:
        if not path.is_file():
            yield self._finding(subject, item, "missing", f"{item.filename} is not in the wheelhouse", "download again")
            return
        wheelhouse = Wheelhouse(path.parent)
        if not wheelhouse.holds(item.filename, item.sha256):
            says = f"{item.filename} is not the planned file: sha256 {wheelhouse.sha256(path)}, not {item.sha256}"
            yield self._finding(subject, item, "changed", says, f"remove {path} and download again")
            return
        try:
            known_facts(path, item.sha256)
        except UnsafeWheel as error:
            says = f"{item.filename} is not a safe wheel: {error.detail}"
            cure = f"do not install it: move {item.name} to another version, and tell its publisher"
            yield self._finding(subject, item, error.issue, says, cure)
        except (LockhouseError, OSError) as error:
            yield self._finding(subject, item, "unreadable", f"{item.filename} cannot be read: {error}", "scan again")

    def _finding(self, subject: Subject, item: PlannedDistribution, kind: str, says: str, cure: str) -> Finding:
        cures = () if kind in PASSING else None
        return about(subject, item.name, f"integrity.{kind}", "refuse", f": {says}", hint=cure, cures=cures)
