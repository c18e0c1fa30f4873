"""The rules of the scan, one module each.

A rule looks at a whole :class:`Subject` and yields findings; it reads, and never changes, fetches or raises for what it
dislikes. Built-in rules are registered through the same hook as a stranger's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lockhouse.accelerators import Accelerator
from lockhouse.findings import Finding
from lockhouse.inventory import HostDistribution, Inventory
from lockhouse.manifest import Manifest
from lockhouse.plan import Plan
from lockhouse.values import dataclass

if TYPE_CHECKING:
    from lockhouse.resolution.graph import Graph
    from lockhouse.wheels.facts import WheelFacts
    from lockhouse.wheels.wheelfile import Wheel

__all__ = ["Audit", "Subject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a rule looks at.

    ``markers`` is the PEP 508 environment of the target; ``tags`` are the wheel tags that the target accepts, best
    first, as strings; ``graph`` is the dependency graph of the plan with excluded edges cut. ``facts`` holds, by
    canonical name, what is known of the wheels that are present, intact and structurally safe; ``wheels`` the same
    wheels, each read when it is asked for: facts are remembered and cost nothing. ``files`` says where each planned
    wheel is expected. Before the download all three are empty and a rule that needs them has nothing to say.
    ``at_hand`` gives the versions of a distribution that wheelhouse and lock know, for cures. ``host`` is what was
    there before, for a plan that adds to an environment; what an earlier plan of the manifest has added, and is there
    still, is in ``making_way`` instead.
    """

    manifest: Manifest
    plan: Plan
    graph: Graph
    markers: Mapping[str, str]
    tags: tuple[str, ...]
    accelerator: Accelerator | None
    facts: Mapping[str, WheelFacts]
    wheels: Mapping[str, Wheel]
    files: Mapping[str, Path]
    at_hand: Callable[[str], tuple[str, ...]]
    host: Inventory | None = None
    making_way: tuple[HostDistribution, ...] = ()

    def version_of(self, name: str) -> str | None:
        """The version of a distribution, by canonical name, beside which all others will be: planned, or the host's."""
        planned = self.plan.distribution(name)
        if planned is not None:
            return planned.version
        there = self.host.distribution(name) if self.host is not None else None
        return there.version if there is not None else None


@runtime_checkable
class Audit(Protocol):
    """A rule. ``name`` is stable and prefixes the codes of its findings."""

    @property
    def name(self) -> str:
        """Stable, kebab-case."""

    @property
    def needs_wheels(self) -> bool:
        """Whether the rule has to look into wheels; the others also judge a plan before the download."""

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield what there is to say about the subject."""
