"""verify: proves an environment by running it, a new one before it is taken into use or the one that is in use."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal, TypeVar

from lockhouse import __version__
from lockhouse.commitment import kept_lock
from lockhouse.environments.generations import Generation, Generations
from lockhouse.errors import CheckFailed, Hint, InternalError, LockhouseError, NothingToVerify
from lockhouse.events import Message
from lockhouse.evidence import VerifyReport
from lockhouse.host import Host
from lockhouse.lockfile import Lock
from lockhouse.manifest import Manifest
from lockhouse.plan import Plan
from lockhouse.project import Project
from lockhouse.steps import Context, Step

__all__ = ["steps"]

T = TypeVar("T")


def steps(project: Project, manifest: Manifest) -> tuple[Step, ...]:
    """Give the step ``verify``."""
    return (
        Step(
            name="verify",
            phase="verify",
            doc="prove the environment: files, interpreter, distributions, every check",
            needs=("purge",),
            outputs=(project.state / "verify.json",),
            run=_verify,
            up_to_date=_is_proven,
            done=_has_passed,
        ),
    )


def _verify(context: Context) -> None:
    if context.candidate is not None:
        _verify_candidate(context, context.candidate)
    else:
        _verify_in_use(context)


def _is_proven(context: Context) -> bool:
    """Whether the candidate has been proven on this machine, as it is, by all that is to be checked today."""
    candidate, host, plan = context.candidate, context.state.read(Host), context.state.read(Plan)
    if candidate is None or host is None or plan is None or not candidate.reached("verified"):
        return False
    from lockhouse.verification.asking import scheme_of
    from lockhouse.verification.records import kept_report
    from lockhouse.verification.required import required_checks, required_digest

    report = kept_report(candidate)
    if report is None or not report.ok or report.host != host.digest or report.plan != plan.digest:
        return False
    asked = required_digest(context, required_checks(context, plan, host, scheme_of(context, candidate)))
    # A later verification of the same environment may have failed: then this proof is no longer the last word.
    last = context.state.read(VerifyReport)
    return report.asked == asked and last is not None and last.ok and _same_subject(last, report)


def _has_passed(context: Context) -> bool:
    """Whether this run has proven the candidate, or without one the environment in use."""
    generation = context.candidate or Generations(context.project).current()
    report = context.state.read(VerifyReport)
    if generation is None or report is None or VerifyReport not in context.state.written:
        return False
    if context.candidate is not None and not context.candidate.reached("verified"):
        return False
    return report.ok and (report.plan, report.environment_digest) == (generation.plan, generation.environment_digest)


def _same_subject(one: VerifyReport, other: VerifyReport) -> bool:
    """Whether two reports are about the same environment, machine and checks; how long these took does not matter."""
    return (one.plan, one.host, one.environment_digest, one.asked) == (
        other.plan,
        other.host,
        other.environment_digest,
        other.asked,
    )


def _verify_candidate(context: Context, candidate: Generation) -> None:
    from lockhouse.verification.proving import prove
    from lockhouse.verification.records import keep_report
    from lockhouse.verification.refusal import check_failed

    plan, host = _required(context.state.read(Plan)), _required(context.state.read(Host))
    # An upgrade earns a lock of its own, also where only the steps of plugins have made another environment.
    promise = kept_lock(context, plan) if context.options.upgrade is None else None
    failures = tuple(_differs_from_lock(promise, candidate))
    changes = _hardware_changes(context, candidate, plan, host, promise)
    report = prove(context, candidate, plan, host, deep=context.options.deep, failures=failures, changes=changes)
    context.state.write(report)
    if not report.ok:
        _withdraw(context, candidate)
        raise check_failed(context, f"generation {candidate.number}", report.checks, report)
    proof = keep_report(candidate, report)
    context.candidate = Generations(context.project).advance(candidate, "verified", proof=proof)
    context.summarise("verify", _summary(report))


def _withdraw(context: Context, candidate: Generation) -> None:
    """Remove a generation that failed, unless people use it: then it stays until another one is proven."""
    generations = Generations(context.project)
    current = generations.current()
    context.candidate = None
    if current is None or current.path != candidate.path:
        with contextlib.suppress(LockhouseError):  # then destroy takes it the next time; the failure is what matters
            generations.abandon(candidate)


def _differs_from_lock(lock: Lock | None, generation: Generation) -> Iterator[str]:
    """The same lock gives the same environment, everywhere: another digest means that something interfered."""
    if lock is None or lock.plan != generation.plan:
        return
    if lock.environment_digest != generation.environment_digest:
        made = lock.evidence.versions.get("lockhouse", __version__)
        yield (
            f"the lock promises the environment digest {lock.environment_digest[:12]}, "
            f"this one has {(generation.environment_digest or 'none')[:12]}"
            + (f"; lockhouse {made} earned that lock, this is {__version__}" if made != __version__ else "")
        )


def _verify_in_use(context: Context) -> None:
    from lockhouse.verification.proving import prove
    from lockhouse.verification.records import kept_plan
    from lockhouse.verification.refusal import unproven

    generation = Generations(context.project).current()
    if generation is None:
        raise NothingToVerify(
            "there is no environment to verify",
            cause=f"{context.project.pointer} leads to no environment of this manifest",
            hints=[Hint("install-first", "run install: it builds, verifies and locks an environment")],
        )
    if not generation.reached("sealed"):
        raise CheckFailed(
            f"generation {generation.number} is in use and was never finished",
            hints=[Hint("run-install", "run install: it builds the environment anew")],
        )
    if generation.moved:
        raise CheckFailed(
            f"generation {generation.number} stands elsewhere than where it was made",
            cause=f"it was made at {generation.location}: its scripts name that place",
            hints=[Hint("run-install", "run install: it builds the environment anew, here")],
        )
    host, plan = _required(context.state.read(Host)), kept_plan(generation)
    if plan is None:
        _report_drift(context, generation, host)
        raise CheckFailed(
            f"generation {generation.number} does not say what it was built from",
            cause=f"plan.json in {generation.metadata} is of another version of lockhouse",
            hints=[Hint("run-install", "run install: it builds the environment anew")],
        )
    lock = kept_lock(context, plan)
    outdated = tuple(_outdated(context, lock, generation))
    failures = (*outdated, *_differs_from_lock(lock, generation), *_not_there(context, generation))
    changes = _hardware_changes(context, generation, plan, host, lock)
    report = prove(context, generation, plan, host, deep=context.options.deep, failures=failures, changes=changes)
    context.state.write(report)
    if not report.ok:
        raise unproven(report, outdated=bool(failures))
    context.summarise("verify", _summary(report))


def _not_there(context: Context, generation: Generation) -> Iterator[str]:
    """Whether a generation that is to serve elsewhere than where it was built does so."""
    from lockhouse.environments import Deployment
    from lockhouse.verification.asking import serving_of

    provider = context.plugins.environment(generation.provider)
    if isinstance(provider, Deployment) and serving_of(context, generation) is None:
        yield f"what generation {generation.number} adds is not in the host (any more)"


def _report_drift(context: Context, generation: Generation, host: Host) -> None:
    """Report an environment without its plan, of which nothing but its files can be judged; raise DriftFound."""
    from lockhouse.environments.drift import find_drift
    from lockhouse.evidence import Hardware
    from lockhouse.verification.refusal import unproven

    drift = find_drift(generation, deep=context.options.deep, emit=context.emit)
    if not drift:
        return
    report = VerifyReport(
        plan=generation.plan,
        host=host.digest,
        environment_digest=generation.environment_digest or "",
        hardware=Hardware(),
        checks=(),
        drift=drift,
    )
    context.state.write(report)
    raise unproven(report, outdated=False)


def _outdated(context: Context, lock: Lock | None, generation: Generation) -> Iterator[str]:
    """Whether manifest, lock and environment still belong together."""
    if lock is None:
        yield "there is no lock for the environment in use"
        return
    if lock.manifest != context.manifest.digest:
        from lockhouse.resolution.differences import differences

        found = list(differences(context.manifest, lock))
        yield "the manifest has moved on from the lock" + "".join(f"\n  {line}" for line in found)
    if lock.plan != generation.plan:
        yield "the environment in use was built from another plan than the lock's"


def _hardware_changes(
    context: Context, generation: Generation, plan: Plan, host: Host, lock: Lock | None
) -> tuple[str, ...]:
    """Tell what has changed since the last proof on this machine, or since the lock was earned elsewhere."""
    from lockhouse.verification.hardware import hardware_changes, hardware_of
    from lockhouse.verification.records import kept_report

    earlier = kept_report(generation)
    before = earlier.hardware if earlier else lock.evidence.hardware if lock else None
    changes = tuple(hardware_changes(before, hardware_of(plan, host))) if before is not None else ()
    for change in changes:
        # That a lock was earned on another machine is what locks are for.
        level: Literal["warning", "info"] = "warning" if earlier else "info"
        context.emit(Message(level=level, text=f"the hardware is not that of the last proof: {change}"))
    return changes


def _summary(report: VerifyReport) -> str:
    passed = sum(result.ok for result in report.checks)
    unproven = len(report.checks) - passed
    text = f"{passed} check{'s' * (passed != 1)} passed"
    return f"{text}, {unproven} unproven" if unproven else text


def _required(value: T | None) -> T:
    if value is None:
        raise InternalError("verify ran before the machine was looked at and a plan was made")
    return value
