"""What was found: the scan's report, each finding with how its culprit came in and what would cure it."""

from __future__ import annotations

from typing import Literal

from lockhouse.values import dataclass

__all__ = ["Action", "Chain", "ChainStep", "Change", "Cure", "Finding", "ScanReport", "Severity"]

Severity = Literal["refuse", "warn", "note"]

Action = Literal["list", "replace", "route", "drop", "make-optional", "exclude", "stop-excluding"]
"""What a change does to the manifest: see :class:`Change`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStep:
    """One distribution of a chain, and how it is asked for: by the one before it, or by the manifest.

    ``name`` is canonical; ``version`` the planned one, None for what is not in the plan. ``requirement`` is the line
    that asks, as it stands there, empty where nobody asks; ``extras`` are those that it asks for, ``marker`` its
    condition. ``under`` holds the extras of the one before that bring the line, any one of them; empty when it counts
    without.
    """

    name: str
    version: str | None = None
    requirement: str = ""
    extras: tuple[str, ...] = ()
    marker: str | None = None
    under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A way from a requirement of the manifest to a culprit, both included; ``stage`` is where the manifest lists it.

    ``stage`` is None for a culprit that nobody asks for.
    """

    stage: str | None = None
    steps: tuple[ChainStep, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The canonical names of its distributions."""
        return tuple(step.name for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change to a manifest, by names, so that it holds for every way in which the manifest may be written.

    ========================  =============================================================
    ``list``                  ask for ``requirement`` in ``stage``, and no longer in another one
    ``replace``               write ``requirement`` for what is asked for by that name in ``stage``, or in ``variant``
    ``route``                 in ``variant``, take ``requirement`` from ``index``, whoever asks for it
    ``drop``                  no longer ask for ``distribution`` in ``stage``
    ``make-optional``         let ``stage`` be left out
    ``exclude``               cut the edge from ``distribution`` to ``dependency``
    ``stop-excluding``        no longer cut it
    ========================  =============================================================
    """

    action: Action
    stage: str | None = None
    variant: str | None = None
    requirement: str | None = None
    distribution: str | None = None
    dependency: str | None = None
    index: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """Changes that together would take a finding away; ``text`` says so to people, as an imperative.

    ``sure`` is whether the plan alone shows that they do; else it depends on what the indexes have. Without changes it
    is something to do outside of the manifest.
    """

    text: str
    changes: tuple[Change, ...] = ()
    sure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing a rule of the scan has to say.

    ``rule`` is the rule's stable name, ``code`` the stable name of this kind of finding (``blacklist.listed``);
    ``distribution`` is canonical, empty for a finding about the whole plan; ``chain`` leads from the manifest's own
    requirement to the culprit, both included, by canonical name; ``hint`` is the smallest change that cures it.

    ``chains`` are the shortest chains, extras and markers included, and ``more_chains`` counts the others: up to a
    million, and at least so many where distributions ask for each other in a circle. ``cures`` are changes that would
    take the finding away, the smallest first. Rules may leave these three out: they are filled in.
    """

    rule: str
    code: str
    severity: Severity
    distribution: str
    chain: tuple[str, ...]
    message: str
    hint: str
    chains: tuple[Chain, ...] = ()
    more_chains: int = 0
    cures: tuple[Cure, ...] = ()


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
