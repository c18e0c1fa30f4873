"""Rule: what its index has withdrawn is named, each time (PEP 592). Only a pin or a lock brings it into a plan."""

from __future__ import annotations

from collections.abc import Iterable

from lockhouse.audits import Subject
from lockhouse.audits.cures import another_version, in_words
from lockhouse.audits.telling import about
from lockhouse.findings import Finding

__all__ = ["Yanked"]


class Yanked:
    """Warn of wheels that their index had yanked when they were planned."""

    name = "yanked"
    needs_wheels = False

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each yanked wheel."""
        for item in subject.plan.distributions:
            if item.yanked is not None:
                cures = tuple(another_version(subject, item.name))
                yield about(
                    subject,
                    item.name,
                    "yanked.withdrawn",
                    "warn",
                    f" was yanked by its index: {item.yanked or 'no reason is given'}",
                    hint=in_words(cures) or "run upgrade, so that the lock no longer asks for it",
                    cures=cures,
                )
