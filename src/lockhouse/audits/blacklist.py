"""Rule: nothing that the manifest's blacklist names is in the plan.

It judges on metadata alone: a blacklisted wheel is in the plan, so that the chain to it can be shown, and need not have
been downloaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockhouse.audits import Subject
from lockhouse.audits.cures import in_words, leaving_out, outside, taking_out, ways_out
from lockhouse.audits.telling import about, asking, chain_to, described, trail
from lockhouse.blacklist import applying, blacklisted
from lockhouse.findings import Cure, Finding
from lockhouse.manifest import BlacklistEntry

__all__ = ["Blacklist"]


class Blacklist:
    """Refuse distributions by name, by window of versions, or only in the company of others; and what ships them."""

    name = "blacklist"
    needs_wheels = False

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield one finding for each entry that names a planned distribution."""
        for name, entries in blacklisted(subject.manifest.blacklist, subject.plan, subject.markers).items():
            for entry in entries:
                yield self._finding(subject, entry, chain_to(subject, name))
        yield from self._shipped(subject)

    def _shipped(self, subject: Subject) -> Iterator[Finding]:
        """Find the import package of a blacklisted distribution in wheels of other names.

        Which version that is cannot be told: an entry with a window of versions only warns.
        """
        for entry in applying(subject.manifest.blacklist, subject.plan, subject.markers):
            requirement = Requirement(entry.requirement)
            listed = canonicalize_name(requirement.name)
            for name, facts in subject.facts.items():
                shipped = [module for module in facts.modules if canonicalize_name(module) == listed != name]
                if shipped:
                    reason = f": {entry.reason}" if entry.reason else ""
                    yield about(
                        subject,
                        name,
                        "blacklist.shipped",
                        "warn" if requirement.specifier else "refuse",
                        f" ships the import package {shipped[0]}, and {listed} is blacklisted{_terms(entry)}{reason}",
                        hint=f"make sure that it is no {entry.requirement}" if requirement.specifier else "",
                    )

    def _finding(self, subject: Subject, entry: BlacklistEntry, chain: tuple[str, ...]) -> Finding:
        reason = f": {entry.reason}" if entry.reason else ""
        cures = tuple(_cures(subject, entry, chain[-1])) or (_allow(chain[-1]),)
        return Finding(
            rule=self.name,
            code="blacklist.listed",
            severity="refuse",
            distribution=chain[-1],
            chain=chain,
            message=f"{described(subject, chain[-1])} is blacklisted{_terms(entry)}{reason}"
            + asking(subject, chain)
            + trail(subject, chain),
            hint=in_words(cures),
            cures=cures,
        )


def _terms(entry: BlacklistEntry) -> str:
    """Say what an entry says beyond a name: a window, or a condition."""
    requirement = Requirement(entry.requirement)
    window = entry.requirement if requirement.specifier or requirement.marker else ""
    when = f"when {entry.when}" if entry.when else ""
    terms = " ".join(part for part in (window, when) if part)
    return f" ({terms})" if terms else ""


def _cures(subject: Subject, entry: BlacklistEntry, name: str) -> Iterator[Cure]:
    """List what would help, the smallest change first."""
    yield from taking_out(subject, name)
    yield from outside(subject, name, Requirement(entry.requirement).specifier)
    if entry.when:
        condition = Requirement(entry.when)
        company = canonicalize_name(condition.name)
        yield from outside(subject, company, condition.specifier)
        if not condition.specifier:
            yield from ways_out(subject, company)
    yield from leaving_out(subject, name)


def _allow(name: str) -> Cure:
    """Say what is left where nothing else helps."""
    return Cure(text=f"take {name} off the blacklist: it comes with every environment")
