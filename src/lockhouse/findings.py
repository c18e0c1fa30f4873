"""What was found: the scan's report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "ScanReport", "Severity"]

Severity = Literal["refuse", "warn", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing a rule of the scan has to say.

    ``rule`` is the rule's stable name, ``code`` the stable name of this kind of finding (``blacklist.listed``);
    ``distribution`` is canonical, empty for a finding about the whole plan; ``chain`` leads from the manifest's own
    requirement to the culprit, both included, by canonical name; ``hint`` is the smallest change that cures it.
    """

    rule: str
    code: str
    severity: Severity
    distribution: str
    chain: tuple[str, ...]
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """What all rules found in one plan; ``plan`` is the plan's digest, ``rules`` every rule that ran with its version.

    ``wheels`` counts what was inspected.
    """

    plan: str
    rules: tuple[str, ...]
    wheels: int
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> tuple[Finding, ...]:
        """The findings that forbid the installation."""
        return tuple(finding for finding in self.findings if finding.severity == "refuse")

    @property
    def ok(self) -> bool:
        """Whether nothing was refused."""
        return not self.refused
