"""The words that the rules share: who a distribution is, how it came into the plan, and what would take it out."""

from __future__ import annotations

import json
from collections.abc import Iterable

from packaging.specifiers import SpecifierSet

from lockhouse.audits import Subject
from lockhouse.audits.chains import chain_to, spelled, stage_of
from lockhouse.findings import Chain, Finding, Severity
from lockhouse.resolution.graph import Edge

__all__ = [
    "about",
    "asking",
    "chain_to",
    "cut",
    "described",
    "ending",
    "listing",
    "place",
    "relief",
    "stage_of",
    "trail",
    "wanted",
]


def described(subject: Subject, name: str) -> str:
    """Name a distribution with its planned version: ``torchao 0.13.0``."""
    item = subject.plan.distribution(name)
    return f"{name} {item.version}" if item else name


def about(subject: Subject, name: str, code: str, severity: Severity, says: str, *, hint: str) -> Finding:
    """Make a finding about one distribution, with the shortest chain to it; ``says`` follows its name and version.

    ``code`` begins with the name of the rule.
    """
    chain = chain_to(subject, name)
    return Finding(
        rule=code.partition(".")[0],
        code=code,
        severity=severity,
        distribution=name,
        chain=chain,
        message=described(subject, name) + says + trail(subject, chain),
        hint=hint,
    )


def listing(subject: Subject, name: str) -> str:
    """Say where the manifest asks for a distribution: ``stage training: unsloth==2025.9.1``."""
    return place(spelled(subject, (name,)))


def trail(subject: Subject, chain: tuple[str, ...]) -> str:
    """Put a chain in brackets, to end a message with: each step as it is asked for, extras and markers included."""
    return ending(spelled(subject, chain)) if chain else ""


def ending(chain: Chain) -> str:
    """Put a chain that is written out in brackets."""
    steps = (place(chain), *(step.requirement or step.name for step in chain.steps[1:]))
    return f" ({' → '.join(steps)})"


def place(chain: Chain) -> str:
    """Say where the manifest asks for the first of a chain: ``stage training: unsloth==2025.9.1``."""
    written = chain.steps[0].requirement or chain.steps[0].name
    return f"stage {chain.stage}: {written}" if chain.stage else written


def asking(subject: Subject, chain: tuple[str, ...]) -> str:
    """Say who takes the last step of a chain, to follow an assertion with: ``; trainer 2.0 asks for it``."""
    return f"; {described(subject, chain[-2])} asks for it" if len(chain) > 1 else ""


def cut(edge: Edge) -> str:
    """Write the manifest's ``exclude`` entry that cuts an edge."""
    return json.dumps({"distribution": edge.source, "dependency": edge.target})


def relief(subject: Subject, root: str) -> str:
    """Say how the manifest can do without one of its own requirements, as the end of a sentence."""
    stage = stage_of(subject, root)
    if stage is None:
        return f"do without {root}"
    item = subject.plan.distribution(root)
    written = (item.requirement if item else None) or root
    without = f"run with --without {stage.name}" if stage.optional else f"make stage {stage.name} optional"
    return f"drop or move {written} in stage {stage.name}, or {without}"


def wanted(name: str, edges: Iterable[Edge]) -> str:
    """Write the requirement that satisfies all of these edges together."""
    together = SpecifierSet()
    for edge in edges:
        together &= edge.requirement.specifier
    return f"{name}{together}"
