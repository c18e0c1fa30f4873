"""The error of a refused plan: the culprit, then how it came in, drawn as a tree, then why; the hints are the cures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from lockhouse.audits import Subject
from lockhouse.audits.telling import asking, described, listing, trail
from lockhouse.errors import Hint, ScanRefused
from lockhouse.findings import Finding, ScanReport

__all__ = ["draw_chains", "refusal"]

SHOWN = 8
"""Chains drawn for one culprit; the report holds them all."""


def refusal(report: ScanReport, subject: Subject) -> ScanRefused:
    """Make the error that tells of everything that was refused."""
    culprits: dict[str, list[Finding]] = {}
    for finding in report.refused:
        culprits.setdefault(finding.distribution, []).append(finding)
    names = [described(subject, name) for name in culprits if name]
    sections = []
    for name, findings in culprits.items():
        section = _section(subject, findings)
        head = [described(subject, name)] if name and len(culprits) > 1 else []
        sections.append("\n".join([*head, *(f"  {line}" if head else line for line in section)]))
    return ScanRefused(
        "the scan refused the plan" + (f" because of {', '.join(names)}" if names else ""),
        cause="\n\n".join(sections) + "\nNothing was touched.",
        hints=tuple(dict.fromkeys(_cures(report, several=len(culprits) > 1))),
    )


def draw_chains(subject: Subject, chains: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Draw chains as small trees, one per requirement of the manifest; what they share is drawn once."""
    roots: dict[str, _Branch] = {}
    for chain in chains:
        if not chain:
            continue
        asked = {(edge.source, edge.target): edge.requirement for edge in subject.graph.along(chain)}
        text = f"{described(subject, chain[0])}, listed in {listing(subject, chain[0])}"
        branch = roots.setdefault(text, _Branch())
        for step in pairwise(chain):
            name = step[1]
            planned = described(subject, name) if subject.plan.distribution(name) else f"{name}, not in the plan"
            line = f"{planned}, asked for as {asked[step]}" if step in asked else planned
            branch = branch.children.setdefault(line, _Branch())
    for text, branch in roots.items():
        yield text
        yield from branch.lines()


@dataclass(slots=True)
class _Branch:
    children: dict[str, _Branch] = field(default_factory=dict)

    def lines(self, margin: str = "") -> Iterator[str]:
        last = len(self.children) - 1
        for place, (text, child) in enumerate(self.children.items()):
            yield f"{margin}{'└─' if place == last else '├─'} {text}"
            yield from child.lines(margin + ("   " if place == last else "│  "))


def _section(subject: Subject, findings: list[Finding]) -> Iterator[str]:
    """Draw every way to a culprit, then say what is wrong with it: each thing once."""
    chains = list(dict.fromkeys(finding.chain for finding in findings))
    yield from draw_chains(subject, chains[:SHOWN])
    if len(chains) > SHOWN:
        yield f"… and {len(chains) - SHOWN} more ways"
    yield from dict.fromkeys(_why(subject, finding) for finding in findings)


def _why(subject: Subject, finding: Finding) -> str:
    """Take from a message what the tree shows better."""
    message = finding.message.removesuffix(trail(subject, finding.chain))
    return message.removesuffix(asking(subject, finding.chain))


def _cures(report: ScanReport, *, several: bool) -> Iterator[Hint]:
    """Give each way out as a hint of its own: rules part them by ``; or``, the smallest change first."""
    for finding in report.refused:
        whose = f"{finding.distribution}: " if several and finding.distribution else ""
        for cure in finding.hint.split("; or "):
            yield Hint(finding.code.replace(".", "-"), whose + cure)
