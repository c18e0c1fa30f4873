"""Failed proofs as errors: what failed, what it printed, and what still serves."""

from __future__ import annotations

from collections.abc import Sequence

from lockhouse.environments.generations import Generations
from lockhouse.errors import CheckFailed, DriftFound, Hint, LockhouseError, LockOutdated
from lockhouse.evidence import CheckResult, Drift, VerifyReport
from lockhouse.steps import Context

__all__ = ["check_failed", "describe_drift", "unproven"]

SHOWN = 5
"""Paths that are named; the report holds all."""

LINES = 15
"""Lines that are shown of what a check printed; the last ones say most."""


def check_failed(
    context: Context, where: str, results: Sequence[CheckResult], report: VerifyReport | None = None
) -> CheckFailed:
    """Make the error for a new environment that failed; ``where`` is what was checked.

    A ``report`` says besides what the checks changed, and what the lock promises otherwise.
    """
    drift = report.drift if report else Drift()
    failures = report.failures if report else ()
    failed = _failed(results)
    names = ", ".join(result.name for result in failed)
    hints = []
    if failed:
        names = f"{'its check' if len(failed) == 1 else 'its checks'}: {names}"
        hints.append(Hint("change-plan", "change the requirements of what failed, or the check, in the manifest"))
    if drift:
        names = names or "its checks: they changed it"
        hints.append(Hint("write-elsewhere", "let checks write into their working directory: it is theirs alone"))
    if failures:
        names = names or "to be what the lock promises"
        text = "bring the lock back from where it is kept, or delete it to have a new one written"
        hints.append(Hint("restore-lock", text))
    serving = Generations(context.project).current()
    still = "there was no environment before, and there is none now"
    if serving is not None:
        still = f"the environment in use (generation {serving.number}) is untouched"
    if serving is not None and drift.modified:
        # Written through a name that both have: only the look at the other one can tell.
        still = f"generation {serving.number} serves as before, but files that both share may have changed in it too"
        hints.append(Hint("run-verify", "run verify: it says whether the environment in use is still what it was"))
    return CheckFailed(
        f"{where} failed {names}",
        cause="\n".join([*describe_drift(drift), *failures, *map(_told, failed), still]),
        hints=hints,
    )


def unproven(report: VerifyReport, *, outdated: bool) -> LockhouseError:
    """Make the error for an environment in use that is not what it should be; all reasons stand in its cause."""
    failed = _failed(report.checks)
    cause = "\n".join([*describe_drift(report.drift), *report.failures, *map(_told, failed)])
    again = Hint("run-install", "run install: it builds the environment anew and takes it into use when it is proven")
    if report.drift:
        count = len(report.drift.modified) + len(report.drift.missing) + len(report.drift.extra)
        text = f"{count} file{'s' * (count != 1)} of the environment {'are' if count != 1 else 'is'} not as installed"
        return DriftFound(text, cause=cause, hints=[again])
    if outdated:
        return LockOutdated("the environment in use is not what manifest and lock say", cause=cause, hints=[again])
    names = ", ".join(result.name for result in failed)
    return CheckFailed(
        f"the environment in use failed: {names}" if failed else "the environment in use is not proven",
        cause=cause,
        hints=[
            Hint(
                "look-at-machine",
                "its files are as they were: look for what changed on the machine with `lockhouse detect --debug`",
            )
        ],
    )


def describe_drift(drift: Drift) -> list[str]:
    """Name the first files of each kind of difference."""
    lines = []
    for kind, paths in (("changed", drift.modified), ("missing", drift.missing), ("not installed", drift.extra)):
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        if paths:
            lines.append(f"{kind}: {', '.join(paths[:SHOWN])}{more}")
    return lines


def _failed(results: Sequence[CheckResult]) -> list[CheckResult]:
    return [result for result in results if result.outcome == "failed" and result.critical]


def _told(result: CheckResult) -> str:
    lines = result.output.splitlines()[-LINES:]
    return "\n".join([f"{result.name}:", *(f"  {line}" for line in lines)])
