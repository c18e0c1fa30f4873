"""The lock as a value: what was installed, in which order, and what was proven about it and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, replace
from functools import cached_property
from typing import Literal

from lockhouse.codec import digest_of
from lockhouse.errors import InternalError
from lockhouse.evidence import Hardware, VerifyReport
from lockhouse.lockfile.addresses import path_to_url, url_to_path
from lockhouse.manifest import Check
from lockhouse.plan import (
    ExcludedEdge,
    GivenDistribution,
    OmittedStage,
    Plan,
    PlannedDistribution,
    PlannedStage,
    Selection,
    Target,
)
from lockhouse.values import dataclass

__all__ = [
    "CheckEvidence",
    "Evidence",
    "Lock",
    "LockTable",
    "LockedStage",
    "PackageTable",
    "lock_from",
    "plan_from_lock",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedStage:
    """A stage and the names of its distributions, both in the order of installation."""

    name: str
    optional: bool = False
    distributions: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckEvidence:
    """How a check went when the lock was earned; ``reason`` says why it was skipped.

    Time and output of a check are not kept: they differ each time and belong to the report of the verification.
    """

    name: str
    outcome: Literal["passed", "failed", "skipped"]
    critical: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The evidence: when, on what hardware, with which lockhouse and plugins, and what the checks said.

    ``time`` is UTC in ISO 8601 with seconds. ``versions`` holds ``lockhouse`` and every plugin's distribution.
    """

    time: str
    hardware: Hardware
    checks: tuple[CheckEvidence, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def proven(self) -> frozenset[str]:
        """Names of the checks that passed."""
        return frozenset(check.name for check in self.checks if check.outcome == "passed")

    @property
    def unproven(self) -> tuple[CheckEvidence, ...]:
        """Checks that proved nothing: not run there, or failed without being critical."""
        return tuple(check for check in self.checks if check.outcome != "passed")


@dataclass(frozen=True, kw_only=True)
class LockTable:
    """The table ``[tool.lockhouse]`` of a lock.

    ``manifest``, ``plan`` and ``environment_digest`` are digests; the last is the tree digest (docs/digest.md) that
    every environment built from this lock has. ``stages`` begin with ``create``. ``given`` is what the host has to
    bring, None for an environment of its own.
    """

    schema: Literal["lockhouse.lock/1"] = "lockhouse.lock/1"
    name: str
    manifest: str
    plan: str
    environment_digest: str
    target: Target
    selection: Selection
    variant_reason: str
    label: str | None = None
    stages: tuple[LockedStage, ...]
    omitted: tuple[OmittedStage, ...] = ()
    excluded: tuple[ExcludedEdge, ...] = ()
    checks: tuple[Check, ...] = ()
    given: tuple[GivenDistribution, ...] | None = None
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageTable:
    """The table ``[packages.tool.lockhouse]`` of a distribution in a lock.

    ``requires_python`` is only there where the wheel's own value is no valid specifier and so must not stand in the
    field of the standard. ``yanked`` and ``replaces`` are as in the plan.
    """

    index: str
    requirement: str | None = None
    critical: bool = False
    requires_python: str | None = None
    requires: tuple[str, ...] = ()
    yanked: str | None = None
    replaces: str | None = None


@dataclass(frozen=True, kw_only=True)
class Lock(LockTable):
    """What others may repeat. ``distributions`` stand in the order of installation."""

    distributions: tuple[PlannedDistribution, ...]

    @cached_property
    def digest(self) -> str:
        """Identity of what is locked: everything but the proof and the words for why the variant was chosen."""
        passing = {"evidence", "variant_reason"}
        return digest_of({item.name: getattr(self, item.name) for item in fields(self) if item.name not in passing})

    def renewed(self, earned: Lock) -> Lock:
        """Return the lock to keep of this one and one that was earned just now.

        The same content keeps its earlier proof, so that the file does not change from machine to machine, unless the
        new proof covers all that the earlier one did and more.
        """
        if self.digest != earned.digest or self.evidence.proven < earned.evidence.proven:
            return earned
        return self


def lock_from(plan: Plan, report: VerifyReport, versions: Mapping[str, str], *, time: str) -> Lock:
    """Make the lock of a plan that was built and verified; ``time`` is that of the proof, UTC in ISO 8601."""
    if not report.ok or report.plan != plan.digest:
        raise InternalError("a lock was to be made of something that was not proven")
    distributions = tuple(_normalised(item) for item in plan.distributions)
    lock = Lock(
        name=plan.name,
        manifest=plan.manifest,
        plan=plan.digest,
        environment_digest=report.environment_digest,
        target=plan.target,
        selection=plan.selection,
        variant_reason=plan.variant_reason,
        label=plan.label,
        stages=tuple(
            LockedStage(
                name=stage.name,
                optional=stage.optional,
                distributions=tuple(item.name for item in plan.in_stage(stage.name)),
                checks=stage.checks,
            )
            for stage in plan.stages
        ),
        omitted=plan.omitted,
        excluded=plan.excluded,
        checks=plan.checks,
        given=plan.given,
        evidence=Evidence(
            time=time,
            hardware=report.hardware,
            checks=tuple(
                CheckEvidence(
                    name=check.name,
                    outcome=check.outcome,
                    critical=check.critical,
                    reason=check.output if check.outcome == "skipped" else "",
                )
                for check in report.checks
            ),
            versions=dict(sorted(versions.items())),
        ),
        distributions=distributions,
    )
    if plan_from_lock(lock, plan.manifest, plan.host).digest != plan.digest:
        raise InternalError("the distributions of a plan are not in the order of its stages")
    return lock


def plan_from_lock(lock: Lock, manifest_digest: str, host_digest: str) -> Plan:
    """Make the plan that repeats a lock, for a manifest and on a host given by their digests."""
    return Plan(
        name=lock.name,
        manifest=manifest_digest,
        host=host_digest,
        target=lock.target,
        selection=lock.selection,
        variant_reason=lock.variant_reason,
        label=lock.label,
        stages=tuple(PlannedStage(name=item.name, optional=item.optional, checks=item.checks) for item in lock.stages),
        omitted=lock.omitted,
        excluded=lock.excluded,
        distributions=tuple(item for stage in lock.stages for item in lock.distributions if item.stage == stage.name),
        checks=lock.checks,
        given=lock.given,
    )


def _normalised(item: PlannedDistribution) -> PlannedDistribution:
    """Spell the address of a local wheel in the one way that reading the lock gives it back."""
    path = url_to_path(item.url)
    return item if path is None else replace(item, url=path_to_url(path))
