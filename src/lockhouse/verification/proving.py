"""Proving one environment: files, facts and checks together, as a report."""

from __future__ import annotations

from collections.abc import Sequence

from lockhouse.environments.drift import find_drift
from lockhouse.environments.generations import MARKER, Generation, Generations
from lockhouse.environments.redirect import BYTECODE, discard_bytecode
from lockhouse.errors import StorageError
from lockhouse.events import Message
from lockhouse.evidence import CheckResult, Drift, VerifyReport
from lockhouse.host import Host
from lockhouse.plan import Plan
from lockhouse.steps import Context
from lockhouse.verification.asking import ask, interpreter_of, scheme_of, serving_of
from lockhouse.verification.facts import check_facts
from lockhouse.verification.hardware import hardware_of
from lockhouse.verification.required import required_checks, required_digest

__all__ = ["prove"]

STEP = "verify"


def prove(
    context: Context,
    generation: Generation,
    plan: Plan,
    host: Host,
    *,
    deep: bool,
    failures: Sequence[str] = (),
    changes: Sequence[str] = (),
) -> VerifyReport:
    """Prove a sealed environment and report; changes nothing, but that bytecode nobody can vouch for is discarded.

    Files are compared with the seal when all has been run, so that what the checks changed is drift as well. ``deep``
    compares the content of every file, and does so before anything is run.
    """
    before = _discard(context, generation)  # what checks start in processes of their own would read it
    drift = find_drift(generation, deep=True, emit=context.emit, step=STEP) if deep else Drift()
    checks = required_checks(context, plan, host, scheme_of(context, generation))
    interpreter = interpreter_of(context, generation)
    markers = generation.interpreter.markers
    serving = serving_of(context, generation)
    root = serving.root if serving is not None else generation.path
    facts = check_facts(interpreter, root, plan, context.manifest.blacklist, markers)
    results = (*facts, *ask(context, interpreter, plan, checks, step=STEP))
    after = find_drift(generation, deep=False, emit=context.emit, step=STEP)
    if serving is not None:
        after = _united(after, serving.drift(deep=deep))
        failures = (*failures, *serving.failures(deep=deep))
    besides = _discard(context, generation), _marker_drift(context, generation)
    for result in results:
        _tell(context, result)
    return VerifyReport(
        plan=plan.digest,
        host=host.digest,
        environment_digest=generation.environment_digest or "",
        hardware=hardware_of(plan, host),
        checks=results,
        drift=_united(before, drift, after, *besides),
        failures=tuple(failures),
        changes=tuple(changes),
        asked=required_digest(context, checks),
    )


def _tell(context: Context, result: CheckResult) -> None:
    if result.outcome == "skipped":
        context.emit(Message(level="info", text=f"check {result.name} is unproven: {result.output}"))
    elif result.outcome == "failed" and not result.critical:
        context.emit(Message(level="warning", text=f"check {result.name} failed: {result.output}"))


def _discard(context: Context, generation: Generation) -> Drift:
    """Discard the bytecode of daily use; where that is not possible it is something that was not installed."""
    try:
        discard_bytecode(generation.path)
    except StorageError as error:
        context.emit(Message(level="warning", text=f"{error.summary}: {error.cause}"))
        return Drift(extra=(BYTECODE,))
    return Drift()


def _marker_drift(context: Context, generation: Generation) -> Drift:
    """Say whether the checks changed what the environment says of itself: the seal does not hold that."""
    known = Generations(context.project).read(generation.path)
    if known == generation:
        return Drift()
    return Drift(missing=(MARKER,)) if not (generation.path / MARKER).exists() else Drift(modified=(MARKER,))


def _united(*found: Drift) -> Drift:
    return Drift(
        modified=tuple(sorted({path for drift in found for path in drift.modified})),
        missing=tuple(sorted({path for drift in found for path in drift.missing})),
        extra=tuple(sorted({path for drift in found for path in drift.extra})),
    )
