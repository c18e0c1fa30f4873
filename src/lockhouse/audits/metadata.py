"""Rule: what stands in the wheels is what the plan was made from.

An index may serve metadata beside a wheel, and the plan believes it. What counts in the end is the wheel's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from packaging.requirements import InvalidRequirement, Requirement

from lockhouse.audits import Subject
from lockhouse.audits.cures import another_version
from lockhouse.audits.telling import about
from lockhouse.findings import Finding
from lockhouse.plan import PlannedDistribution
from lockhouse.wheels.facts import WheelFacts

__all__ = ["MetadataAgreement"]


class MetadataAgreement:
    """Refuse wheels whose own metadata differs from what the plan recorded."""

    name = "metadata"
    needs_wheels = True

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each difference in requirements or Python; a wheel that is read has the right name."""
        for item in subject.plan.distributions:
            facts = subject.facts.get(item.name)
            if facts is None:
                continue
            for kind, says in _differences(item, facts):
                yield about(
                    subject,
                    item.name,
                    f"metadata.{kind}",
                    "refuse",
                    f": {says}",
                    hint=f"plan again; if it stays so, {item.index} serves metadata that is not the wheel's: "
                    f"move {item.name} to another version",
                    cures=another_version(subject, item.name),
                )


def _differences(item: PlannedDistribution, facts: WheelFacts) -> Iterator[tuple[str, str]]:
    metadata = facts.metadata
    # Nearly always they are the same text, and parsing is the longest part of the scan.
    alike = item.requires == metadata.requires
    planned, found = _lines(() if alike else item.requires), _lines(() if alike else metadata.requires)
    if planned != found:
        changes = [f"has {line}" for line in sorted(found - planned)]
        changes += [f"does not have {line}" for line in sorted(planned - found)]
        more = f" and {len(changes) - 3} more differences" if len(changes) > 3 else ""
        yield "requires", f"unlike the plan, the wheel {', '.join(changes[:3])}{more}"
    if _squeezed(metadata.requires_python) != _squeezed(item.requires_python):
        has, had = metadata.requires_python or "any Python", item.requires_python or "any Python"
        yield "requires-python", f"the wheel requires {has}, the plan was made for {had}"


def _lines(requires: Iterable[str]) -> frozenset[str]:
    return frozenset(_normal(line) for line in requires)


def _normal(line: str) -> str:
    try:
        return str(Requirement(line))
    except (InvalidRequirement, RecursionError):
        return _squeezed(line)


def _squeezed(text: str | None) -> str:
    return "".join((text or "").split())
