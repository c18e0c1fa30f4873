"""The words that the rules share: who a distribution is, and how it came into the plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lockhouse.audits import Subject
from lockhouse.audits.chains import chain_to, spelled, stage_of
from lockhouse.audits.cures import in_words, replacing
from lockhouse.findings import Chain, Cure, Finding, Severity

__all__ = [
    "about",
    "asking",
    "chain_to",
    "described",
    "ending",
    "listing",
    "place",
    "several",
    "stage_of",
    "trail",
]


def described(subject: Subject, name: str) -> str:
    """Name a distribution with its planned version: ``torchao 0.13.0``, or ``numpy 2.1.0 of the host``."""
    item = subject.plan.distribution(name)
    if item is not None:
        return f"{name} {item.version}"
    given = subject.plan.given_distribution(name)
    return f"{name} {given.version} of the host" if given is not None else name


def about(
    subject: Subject,
    name: str,
    code: str,
    severity: Severity,
    says: str,
    *,
    hint: str = "",
    cures: Iterable[Cure] | None = None,
) -> Finding:
    """Make a finding about one distribution, with the shortest chain to it; ``says`` follows its name and version.

    ``code`` begins with the name of the rule. Without ``cures`` a refusal gets those that help against any wheel that
    will not do; give () where none of the manifest's changes would help. Without ``hint`` the cures say it.
    """
    chain = chain_to(subject, name)
    usual = replacing(subject, name) if severity == "refuse" else ()
    known = tuple(usual if cures is None else cures)
    return Finding(
        rule=code.partition(".")[0],
        code=code,
        severity=severity,
        distribution=name,
        chain=chain,
        message=described(subject, name) + says + trail(subject, chain),
        hint=hint or in_words(known),
        cures=known,
    )


def several(texts: Sequence[str], most: int = 4) -> str:
    """Put texts one after the other, and count those that are too many."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


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
