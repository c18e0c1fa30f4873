"""What will be done: the exact wheels, stage by stage, with hashes and with who asks for each."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from lockhouse.codec import digest_of
from lockhouse.manifest import Check
from lockhouse.values import dataclass

__all__ = [
    "ExcludedEdge",
    "GivenDistribution",
    "OmittedStage",
    "Plan",
    "PlannedDistribution",
    "PlannedStage",
    "Selection",
    "Target",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the plan is for; the same target takes the same wheels.

    ``platform`` is ``linux_x86_64``, ``python_tag`` ``cp311``, ``python_version`` what the manifest wants: ``3.11``, or
    ``3.11.7`` where it wants that patch release.

    ``accelerator`` is the namespace of the variant's accelerator, None where the manifest has no variants.
    """

    platform: str
    python_tag: str
    python_version: str
    variant: str
    accelerator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDistribution:
    """One wheel of the plan. ``size`` in bytes; ``sha256`` in hex; ``url`` without credentials.

    ``requires`` are its ``Requires-Dist`` lines as they stand in its metadata, those that do not apply included;
    ``requirement`` is the manifest's own requirement for it (None for a mere dependency); ``required_by`` names, in
    canonical form and sorted, the planned distributions that bring it. ``index`` is the name of the index it came
    from: ``default``, ``variant``, or one of the manifest's. ``yanked`` is the reason for which the index had withdrawn
    the wheel when it was planned (PEP 592), empty where it gave none, None where it had not. ``replaces`` is the
    version of the host's own that would make way for it, None where there is none.
    """

    name: str
    version: str
    stage: str
    filename: str
    url: str
    sha256: str
    size: int
    index: str
    requirement: str | None
    critical: bool
    requires_python: str | None
    requires: tuple[str, ...]
    required_by: tuple[str, ...]
    yanked: str | None = None
    replaces: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenDistribution:
    """A distribution of the host that the plan relies on, and that stays as it is.

    ``requirement`` is the manifest's own requirement for it, None for what others need. ``requires`` are the lines of
    its metadata that bring something for an extra that is asked for; all else that it needs is the host's own affair.
    """

    name: str
    version: str
    requirement: str | None = None
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """A stage that will be installed, with the checks that run right after it."""

    name: str
    optional: bool
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OmittedStage:
    """A stage that is left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedEdge:
    """An edge that the manifest cut and that the metadata really has; ``requirement`` is the line that was cut."""

    distribution: str
    dependency: str
    requirement: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What was asked for beyond the manifest: stages forced in or out, and the accelerator override."""

    with_stages: tuple[str, ...] = ()
    without_stages: tuple[str, ...] = ()
    accelerator: str | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The decision. ``distributions`` stand in the order of installation.

    The first stage is ``create``: pip, setuptools, wheel and what they need. ``manifest`` and ``host`` are the digests
    of the values that this one came from. ``notes`` tell people what was decided and why. ``sources`` is the digest of
    the user's index settings that it was resolved with, empty for a plan that repeats a lock. ``given`` is what the
    plan relies on in its host, in name order; None for an environment of its own.
    """

    name: str
    manifest: str
    host: str
    target: Target
    selection: Selection
    variant_reason: str
    label: str | None
    stages: tuple[PlannedStage, ...]
    omitted: tuple[OmittedStage, ...]
    excluded: tuple[ExcludedEdge, ...]
    distributions: tuple[PlannedDistribution, ...]
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()
    sources: str = ""
    given: tuple[GivenDistribution, ...] | None = None

    @cached_property
    def digest(self) -> str:
        """Identity of what will be installed: manifest, target, stages and wheels.

        Where a wheel is fetched from, and on which host the plan was made, do not count: the same manifest gives the
        same digest on every machine with the same target.
        """
        beside = {"given": [[item.name, item.version] for item in self.given]} if self.given is not None else {}
        return digest_of(
            {
                **beside,
                "manifest": self.manifest,
                "target": self.target,
                "stages": [stage.name for stage in self.stages],
                "excluded": [[edge.distribution, edge.dependency] for edge in self.excluded],
                "distributions": [
                    [item.name, item.version, item.stage, item.filename, item.sha256] for item in self.distributions
                ],
            }
        )

    @cached_property
    def _by_name(self) -> dict[str, PlannedDistribution]:
        return {item.name: item for item in reversed(self.distributions)}

    def distribution(self, name: str) -> PlannedDistribution | None:
        """The planned distribution of a canonical name, or None."""
        return self._by_name.get(name)

    def given_distribution(self, name: str) -> GivenDistribution | None:
        """The distribution of the host with a canonical name that the plan relies on, or None."""
        return next((item for item in self.given or () if item.name == name), None)

    def restricted(self, omitted: tuple[OmittedStage, ...], reachable: frozenset[str]) -> Plan:
        """The plan without some stages: only what is ``reachable`` from the requirements of the others stays."""
        names = {stage.name for stage in omitted}
        return replace(
            self,
            stages=tuple(stage for stage in self.stages if stage.name not in names),
            omitted=(*self.omitted, *omitted),
            excluded=tuple(edge for edge in self.excluded if edge.distribution in reachable),
            distributions=tuple(
                replace(item, required_by=tuple(name for name in item.required_by if name in reachable))
                for item in self.distributions
                if item.name in reachable
            ),
            given=None if self.given is None else tuple(item for item in self.given if item.name in reachable),
        )

    def in_stage(self, name: str) -> tuple[PlannedDistribution, ...]:
        """The distributions of one stage in the order of installation."""
        return tuple(item for item in self.distributions if item.stage == name)
