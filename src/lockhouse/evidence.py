"""What was proven: results of checks, drift, and the report of a verification."""

from __future__ import annotations

from typing import Literal

from lockhouse.host import Device
from lockhouse.values import dataclass

__all__ = ["CheckResult", "Drift", "Hardware", "VerifyReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """How one check went. ``seconds`` is wall time; ``output`` the last lines it printed.

    A ``skipped`` check could not be run on this machine (no such accelerator): it is not ``ok`` and not a failure, it
    is unproven, and ``output`` says why.
    """

    name: str
    outcome: Literal["passed", "failed", "skipped"]
    critical: bool
    seconds: float
    output: str

    @property
    def ok(self) -> bool:
        """Whether the check proved something."""
        return self.outcome == "passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Differences between an environment and its seal; paths are relative to it, with ``/``, sorted."""

    modified: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.modified or self.missing or self.extra)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """The hardware that a verification ran on."""

    accelerator: str | None = None
    driver: str | None = None
    runtime: str | None = None
    devices: tuple[Device, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was proven about one environment, and where.

    ``plan`` is the digest of the plan it was built from, ``environment_digest`` the tree digest (docs/digest.md);
    ``failures`` are problems beyond checks and drift (a lock that does not match), for people; ``changes`` say how the
    hardware differs from that of the last proof; ``asked`` is the digest of what had to be checked.
    """

    plan: str
    host: str
    environment_digest: str
    hardware: Hardware
    checks: tuple[CheckResult, ...]
    drift: Drift = Drift()
    failures: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    asked: str = ""

    @property
    def ok(self) -> bool:
        """Whether the environment may be used: no drift, no failure, no failed critical check."""
        failed = any(check.outcome == "failed" and check.critical for check in self.checks)
        return not (failed or self.drift or self.failures)
