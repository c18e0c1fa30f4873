"""What findings look like in words: by culprit, how it came in as a tree, then why, and last what would cure it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field

from lockhouse.audits.telling import ending, place
from lockhouse.errors import Hint, ScanRefused
from lockhouse.findings import Chain, ChainStep, Cure, Finding, ScanReport
from lockhouse.values import dataclass

__all__ = ["by_culprit", "draw_chains", "headline", "refusal", "section", "ways_out"]

TOLD = 20
"""Culprits that are told of one by one; a report holds them all."""

NAMED = 3
"""Culprits that the summary names."""


def refusal(report: ScanReport) -> ScanRefused:
    """Make the error that tells of everything that was refused.

    The cures of a single culprit are the error's hints. Of several each section ends with its own, and the hints are
    what would cure them all.
    """
    culprits = by_culprit(report.refused)
    names = [name for name, _ in culprits if name]
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    summary = "the scan refused the plan" + (f" because of {shown}" if names else "")
    if len(culprits) == 1:
        _, findings = culprits[0]
        cause = "\n".join(section(findings))
        hints = [Hint(finding.code.replace(".", "-"), text) for finding in findings for text in ways_out(finding)]
    else:
        common = _common(report.refused)
        cause = "\n\n".join("\n".join(_headed(name, findings, common)) for name, findings in culprits[:TOLD])
        if len(culprits) > TOLD:
            cause += f"\n\n… and {len(culprits) - TOLD} more; with --json the scan lists them all"
        hints = [Hint("cures-all", cure.text) for cure in common]
    return ScanRefused(summary, cause=f"{cause}\nNothing was touched.", hints=tuple(dict.fromkeys(hints)))


def by_culprit(findings: Iterable[Finding]) -> list[tuple[str, list[Finding]]]:
    """Gather findings by what they are about, named with its version; empty for the whole plan."""
    gathered: dict[str, list[Finding]] = {}
    for finding in findings:
        gathered.setdefault(finding.distribution, []).append(finding)
    return [(_described(name, found), found) for name, found in gathered.items()]


def section(findings: list[Finding], cures: Iterable[str] = ()) -> Iterator[str]:
    """Draw every way to a culprit, then say what is wrong with it, and what helps: each thing once."""
    yield from draw_chains(dict.fromkeys(chain for finding in findings for chain in finding.chains))
    if more := max(finding.more_chains for finding in findings):
        yield f"… and {more:,} more way{'s' * (more != 1)}"
    yield from dict.fromkeys(headline(finding) for finding in findings)
    yield from (f"try: {text}" for text in dict.fromkeys(cures))


def headline(finding: Finding) -> str:
    """Take from a message what the tree shows better."""
    message = finding.message
    for chain in finding.chains:
        message = message.removesuffix(ending(chain))
        if len(chain.steps) > 1:
            message = message.removesuffix(f"; {_named(chain.steps[-2])} asks for it")
    return message


def ways_out(finding: Finding) -> Iterator[str]:
    """Give each way out by itself: rules part them by ``; or``. Then the changes that the rule does not mention."""
    yield from dict.fromkeys((*filter(None, finding.hint.split("; or ")), *(cure.text for cure in finding.cures)))


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

    def lines(self) -> Iterator[str]:
        """Draw what hangs here. Iterative: a chain may be longer than Python's stack."""
        waiting = [(text, child, "", last) for text, child, last in self._hanging()]
        while waiting:
            text, branch, margin, last = waiting.pop()
            yield f"{margin}{'└─' if last else '├─'} {text}"
            inner = margin + ("   " if last else "│  ")
            waiting += [(line, child, inner, end) for line, child, end in branch._hanging()]

    def _hanging(self) -> Iterator[tuple[str, _Branch, bool]]:
        """The branches from here, the last one first."""
        for number, (text, child) in enumerate(reversed(self.children.items())):
            yield text, child, number == 0


def _headed(name: str, findings: list[Finding], common: tuple[Cure, ...]) -> Iterator[str]:
    told = {cure.text for cure in common}
    cures = [text for finding in findings for text in ways_out(finding) if text not in told]
    if name:
        yield f"✗ {name}"
    for line in section(findings, cures):
        yield f"  {line}" if name else line


def _common(findings: Iterable[Finding]) -> tuple[Cure, ...]:
    """The cures that would take all of the findings away."""
    first, *others = findings
    return tuple(cure for cure in first.cures if all(cure in other.cures for other in others))


def _described(name: str, findings: list[Finding]) -> str:
    """Name a culprit with its version, which the last step of a chain to it knows."""
    steps = (step for finding in findings for chain in finding.chains for step in chain.steps)
    return next((_named(step) for step in steps if step.name == name), name)


def _named(step: ChainStep) -> str:
    return f"{step.name} {step.version}" if step.version else step.name
