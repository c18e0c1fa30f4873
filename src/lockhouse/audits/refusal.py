"""The error of a refused plan: the culprit, then how it came in, drawn as a tree, then why; the hints are the cures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lockhouse.audits.cures import in_words
from lockhouse.audits.telling import ending, place
from lockhouse.errors import Hint, ScanRefused
from lockhouse.findings import Chain, ChainStep, Finding, ScanReport

__all__ = ["draw_chains", "refusal"]


def refusal(report: ScanReport) -> ScanRefused:
    """Make the error that tells of everything that was refused."""
    culprits: dict[str, list[Finding]] = {}
    for finding in report.refused:
        culprits.setdefault(finding.distribution, []).append(finding)
    names = [_described(name, findings) for name, findings in culprits.items() if name]
    sections = []
    for name, findings in culprits.items():
        head = [_described(name, findings)] if name and len(culprits) > 1 else []
        sections.append("\n".join([*head, *(f"  {line}" if head else line for line in _section(findings))]))
    return ScanRefused(
        "the scan refused the plan" + (f" because of {', '.join(names)}" if names else ""),
        cause="\n\n".join(sections) + "\nNothing was touched.",
        hints=tuple(dict.fromkeys(_cures(report, several=len(culprits) > 1))),
    )


def draw_chains(chains: Iterable[Chain]) -> Iterator[str]:
    """Draw chains as small trees, one per requirement of the manifest; what they share is drawn once."""
    roots: dict[str, _Branch] = {}
    for chain in chains:
        branch = roots.setdefault(f"{_named(chain.steps[0])}, listed in {place(chain)}", _Branch())
        for step in chain.steps[1:]:
            planned = _named(step) if step.version else f"{step.name}, not in the plan"
            line = f"{planned}, asked for as {step.requirement}" if step.requirement else planned
            branch = branch.children.setdefault(line, _Branch())
    for text, branch in roots.items():
        yield text
        yield from branch.lines()


@dataclass(slots=True)
class _Branch:
    children: dict[str, _Branch] = field(default_factory=dict)

    def lines(self, margin: str = "") -> Iterator[str]:
        last = len(self.children) - 1
        for number, (text, child) in enumerate(self.children.items()):
            yield f"{margin}{'└─' if number == last else '├─'} {text}"
            yield from child.lines(margin + ("   " if number == last else "│  "))


def _section(findings: list[Finding]) -> Iterator[str]:
    """Draw every way to a culprit, then say what is wrong with it: each thing once."""
    yield from draw_chains(dict.fromkeys(chain for finding in findings for chain in finding.chains))
    if more := max(finding.more_chains for finding in findings):
        yield f"… and {more:,} more way{'s' * (more != 1)}"
    yield from dict.fromkeys(_why(finding) for finding in findings)


def _described(name: str, findings: list[Finding]) -> str:
    """Name a culprit with its version, which the last step of a chain to it knows."""
    steps = (chain.steps[-1] for finding in findings for chain in finding.chains)
    return next((_named(step) for step in steps if step.name == name), name)


def _named(step: ChainStep) -> str:
    return f"{step.name} {step.version}" if step.version else step.name


def _why(finding: Finding) -> str:
    """Take from a message what the tree shows better."""
    message = finding.message
    for chain in finding.chains:
        message = message.removesuffix(ending(chain))
        if len(chain.steps) > 1:
            message = message.removesuffix(f"; {_named(chain.steps[-2])} asks for it")
    return message


def _cures(report: ScanReport, *, several: bool) -> Iterator[Hint]:
    """Give each way out as a hint of its own: what the rule says, and then the changes that it does not mention."""
    for finding in report.refused:
        whose = f"{finding.distribution}: " if several and finding.distribution else ""
        told = (cure.text for cure in finding.cures)
        for text in told if finding.hint == in_words(finding.cures) else (finding.hint, *told):
            yield Hint(finding.code.replace(".", "-"), whose + text)
