"""The error of a refused plan: the culprit, then how it came in, drawn as a tree, then why; the hints are the cures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from lockhouse.audits import Subject
from lockhouse.audits.telling import described, listing, trail
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
    if len(culprits) == 1:
        name = next(iter(culprits))
        summary = f"the scan refused {described(subject, name) if name else 'the plan'}"
        cause = "\n".join(_section(subject, culprits[name]))
    else:
        names = ", ".join(described(subject, name) if name else "the plan" for name in culprits)
        summary = f"the scan refused {names}"
        sections = (
            "\n".join([described(subject, name) if name else "the plan", *_indented(_section(subject, findings))])
            for name, findings in culprits.items()
        )
        cause = "\n\n".join(sections)
    hints = dict.fromkeys(
        Hint(finding.code.replace(".", "-"), _cure(finding, len(culprits))) for finding in report.refused
    )
    return ScanRefused(summary, cause=f"{cause}\nNothing was touched.", hints=tuple(hints))


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
    # The tree shows the chain better than the message's own words for it do.
    yield from dict.fromkeys(finding.message.removesuffix(trail(subject, finding.chain)) for finding in findings)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _cure(finding: Finding, culprits: int) -> str:
    return f"{finding.distribution}: {finding.hint}" if culprits > 1 and finding.distribution else finding.hint
