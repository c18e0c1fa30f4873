"""Proving one environment: files, facts and checks together, as a report."""

from __future__ import annotations

from collections.abc import Sequence

from lockhouse.environments.drift import find_drift
from lockhouse.environments.generations import Generation
from lockhouse.events import Message
from lockhouse.evidence import CheckResult, Drift, VerifyReport
from lockhouse.host import Host
from lockhouse.plan import Plan
from lockhouse.steps import Context
from lockhouse.verification.asking import ask, interpreter_of, scheme_of
from lockhouse.verification.facts import check_facts
from lockhouse.verification.hardware import hardware_of
from lockhouse.verification.required import required_checks, required_digest

__all__ = ["prove"]

STEP = "verify"


def prove(
    context: Context, generation: Generation, plan: Plan, host: Host, *, deep: bool, failures: Sequence[str] = ()
) -> VerifyReport:
    """Prove a sealed environment and report; writes nothing anywhere.

    Files are compared with the seal when all has been run, so that what the checks changed is drift as well. ``deep``
    compares the content of every file, and does so before anything is run.
    """
    drift = find_drift(generation, deep=True, emit=context.emit, step=STEP) if deep else Drift()
    checks = required_checks(context, plan, host, scheme_of(context, generation))
    interpreter = interpreter_of(context, generation)
    markers = generation.interpreter.markers
    facts = check_facts(interpreter, generation.path, plan, context.manifest.blacklist, markers)
    results = (*facts, *ask(context, interpreter, plan, checks, step=STEP))
    after = find_drift(generation, deep=False, emit=context.emit, step=STEP)
    for result in results:
        _tell(context, result)
    return VerifyReport(
        plan=plan.digest,
        host=host.digest,
        environment_digest=generation.environment_digest or "",
        hardware=hardware_of(plan, host),
        checks=results,
        drift=_united(drift, after),
        failures=tuple(failures),
        asked=required_digest(context, checks),
    )


def _tell(context: Context, result: CheckResult) -> None:
    if result.outcome == "skipped":
        context.emit(Message(level="info", text=f"check {result.name} is unproven: {result.output}"))
    elif result.outcome == "failed" and not result.critical:
        context.emit(Message(level="warning", text=f"check {result.name} failed: {result.output}"))


def _united(one: Drift, other: Drift) -> Drift:
    return Drift(
        modified=tuple(sorted({*one.modified, *other.modified})),
        missing=tuple(sorted({*one.missing, *other.missing})),
        extra=tuple(sorted({*one.extra, *other.extra})),
    )
