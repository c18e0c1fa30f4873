"""What a diagnosis finds: frozen values, JSON like all others."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from lockhouse.codec import digest_of
from lockhouse.evidence import CheckResult
from lockhouse.values import dataclass

__all__ = [
    "GRAVITY",
    "ORDER",
    "Bisection",
    "Culprit",
    "Diagnosis",
    "Evidence",
    "Judgement",
    "Protected",
    "Trial",
    "TriedDistribution",
    "Verdict",
    "Weight",
]

Judgement = Literal["SAFE", "RISKY", "UNSAFE"]
"""What a requirement is for the protected distributions of a host."""

Weight = Literal["unsafe", "risky", "note"]
"""How much a piece of evidence counts."""

ORDER: tuple[Weight, ...] = ("unsafe", "risky", "note")
"""The gravest comes first."""

GRAVITY: dict[Weight, Judgement] = {"unsafe": "UNSAFE", "risky": "RISKY", "note": "SAFE"}
"""A verdict is as grave as the gravest piece of evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedDistribution:
    """A distribution that came with candidates; ``replaces`` is the version of the host's own in its place, if any."""

    name: str
    version: str
    replaces: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that a verdict rests on.

    ``code`` is that of the rule's finding, ``abi.<what>`` for what the compiled files of a wheel say,
    ``trial.<what>`` for what a trial showed. ``chain`` leads from the requirement to what it is about, by canonical
    name; empty where it is about none. ``requirements`` are the lines that lead there: the candidate, then what each
    asks of the next.
    """

    code: str
    weight: Weight
    text: str
    chain: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a requirement would do.

    ``distributions`` are what an installer would bring for it, the host's own kept if it can be. ``files`` counts the
    files of protected distributions that would change. ``reason`` is the gist of the evidence. What is not ``judged``
    could not be: it cannot be planned, or its wheels not be read.
    """

    requirement: str
    verdict: Judgement
    reason: str
    judged: bool = True
    distributions: tuple[TriedDistribution, ...] = ()
    files: int = 0
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """A distribution that must not be hurt; ``files`` is how many it has, None where nobody knows."""

    name: str
    version: str
    files: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Candidates tried together in a throw-away copy of the host.

    ``candidates`` are requirements as they were given, none for the host as it is. ``distributions`` are what pip would
    have installed for them. ``error`` says why there were no checks: they cannot be planned together, or not installed.
    ``seconds`` is wall time.
    """

    candidates: tuple[str, ...]
    distributions: tuple[TriedDistribution, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    error: str | None = None
    seconds: float = 0.0

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.outcome == "failed")

    def broke(self, check: str) -> bool:
        """Whether the check of that name failed."""
        return any(item.name == check for item in self.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """Who breaks a check: one candidate, or several that do so only together; ``output`` is what the check said.

    ``check`` is empty for candidates that cannot be installed at all.
    """

    check: str
    candidates: tuple[str, ...]
    output: str


@dataclass(frozen=True, kw_only=True)
class Bisection:
    """What trials showed. ``host`` is the digest of the host's inventory.

    ``baseline`` is the host as it is: what fails there is nobody's fault. ``trials`` are in the order in which they
    were decided on: each candidate alone, then combinations.
    """

    host: str
    protected: tuple[str, ...]
    baseline: Trial
    trials: tuple[Trial, ...]
    culprits: tuple[Culprit, ...]

    @cached_property
    def digest(self) -> str:
        """Identity of all that was found."""
        return digest_of(self)

    @property
    def harmless(self) -> tuple[str, ...]:
        """The candidates that break nothing, alone and with the other harmless ones."""
        guilty = {name for culprit in self.culprits for name in culprit.candidates}
        alone = [trial.candidates[0] for trial in self.trials if len(trial.candidates) == 1]
        return tuple(name for name in alone if name not in guilty)


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The verdicts on requirements for one host, and what trials showed if they were asked for.

    ``prefix`` and ``python`` say which host it is, ``host`` is the digest of its inventory.
    """

    host: str
    prefix: str
    python: str
    protected: tuple[Protected, ...]
    verdicts: tuple[Verdict, ...]
    bisection: Bisection | None = None

    @property
    def unsafe(self) -> tuple[str, ...]:
        """The requirements that must not be installed there, by their wheels or by trial."""
        return tuple(item.requirement for item in self.verdicts if item.verdict == "UNSAFE")

    @property
    def quarrels(self) -> tuple[tuple[str, ...], ...]:
        """Combinations of which trials showed that they break something only together."""
        found = self.bisection.culprits if self.bisection else ()
        return tuple(dict.fromkeys(item.candidates for item in found if item.check and len(item.candidates) > 1))

    @property
    def unjudged(self) -> tuple[str, ...]:
        """The requirements of which nothing can be said."""
        return tuple(item.requirement for item in self.verdicts if not item.judged)
