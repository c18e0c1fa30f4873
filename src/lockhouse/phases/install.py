"""install: unpacks the planned wheels, stage by stage, from the wheelhouse only, and checks each stage at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from lockhouse.errors import BuildError, Hint, InternalError, LockhouseError
from lockhouse.events import Message, Progress
from lockhouse.manifest import CREATE_STAGE, Check, Manifest
from lockhouse.plan import Plan, PlannedDistribution
from lockhouse.project import Project
from lockhouse.steps import Context, Step

if TYPE_CHECKING:
    from lockhouse.wheels.wheelfile import Wheel

__all__ = ["install_stage", "steps"]

AT_ONCE = 2
"""Wheels unpacked at once: inflating and hashing leave the interpreter free, creating files does not."""

TOLD_EVERY = 50
"""Files between two reports of progress."""


def steps(project: Project, manifest: Manifest) -> tuple[Step, ...]:
    """Give a step ``install:<stage>`` for each stage of the manifest, each after the one before."""
    made: list[Step] = []
    for stage in manifest.stages:
        made.append(
            Step(
                name=f"install:{stage.name}",
                phase="install",
                doc=f"unpack the wheels of stage {stage.name} and check them",
                needs=(made[-1].name if made else "create",),
                run=_Run(stage.name),
                up_to_date=_is_sealed,
            )
        )
    return tuple(made)


class _Run:
    """The work of one stage's step."""

    def __init__(self, stage: str) -> None:
        self.stage = stage

    def __call__(self, context: Context) -> None:
        """Install the stage; if that fails, nothing remains of the new environment."""
        try:
            install_stage(context, self.stage)
        except BaseException:
            _abandon(context)
            raise


def install_stage(context: Context, stage: str) -> None:
    """Install a stage of the plan into the environment that is being built, then run its checks.

    Also used for the stage ``create``, which begins with the guard. Raises BuildError, IntegrityError, UnsafeWheel or
    StorageError when a wheel cannot be installed, CheckFailed when a critical check fails.
    """
    plan = context.state.read(Plan)
    if plan is None:
        raise InternalError("install ran before there was a plan")
    step = CREATE_STAGE if stage == CREATE_STAGE else f"install:{stage}"
    omitted = next((item for item in plan.omitted if item.name == stage), None)
    if omitted is not None:
        context.summarise(step, f"left out: {omitted.reason}")
        return
    if stage == CREATE_STAGE:
        from lockhouse.environments.guard import write_guard
        from lockhouse.verification.records import keep_plan

        write_guard(context.building.path, plan.distributions)
        keep_plan(context.building, plan)
    wheels = _unpack(context, step, plan.in_stage(stage))
    checked = _check(context, step, stage, plan)
    context.summarise(step, _summary(wheels, checked))


def _is_sealed(context: Context) -> bool:
    return context.candidate is not None and context.candidate.reached("sealed")


def _unpack(context: Context, step: str, planned: Sequence[PlannedDistribution]) -> Sequence[Wheel]:
    from lockhouse.verification.asking import scheme_of
    from lockhouse.wheels.installing import Installation
    from lockhouse.wheels.wheelfile import read_wheel
    from lockhouse.wheels.wheelhouse import Wheelhouse

    generation = context.building
    wheelhouse = Wheelhouse(context.project.wheelhouse)
    for item in planned:
        if not wheelhouse.holds(item.filename, item.sha256):
            raise BuildError(
                f"{item.filename} is not in the wheelhouse any more as it was scanned",
                hints=[Hint("run-again", "run the command again: it fetches and scans what is missing")],
            )
    wheels = [read_wheel(wheelhouse.path(item.filename)) for item in planned]
    progress = _Progress(context, step, sum(len(wheel.members) for wheel in wheels))
    installation = Installation(generation.path, scheme_of(context, generation), progress.advance)
    requested = {item.filename for item in planned if item.requirement is not None}
    # The largest first, so that one of them does not run alone at the end.
    ordered = sorted(wheels, key=lambda wheel: sum(member.size for member in wheel.members), reverse=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(installation.install, wheel, requested=wheel.filename in requested) for wheel in ordered]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            installation.abandon()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    installation.settle()
    return wheels


class _Progress:
    """Counts files, and tells now and then: there are tens of thousands."""

    def __init__(self, context: Context, step: str, total: int) -> None:
        self.context = context
        self.step = step
        self.total = total
        self.done = 0
        self.lock = threading.Lock()

    def advance(self) -> None:
        with self.lock:
            self.done += 1
            if self.done % TOLD_EVERY == 0 or self.done == self.total:
                self.context.tell(
                    Progress(step=self.step, item="files", done=self.done, total=self.total, unit="files")
                )


def _check(context: Context, step: str, stage: str, plan: Plan) -> int:
    from lockhouse.verification.asking import ask, interpreter_of, scheme_of
    from lockhouse.verification.refusal import check_failed
    from lockhouse.verification.required import critical_imports

    planned = next((item for item in plan.stages if item.name == stage), None)
    checks: list[Check] = list(planned.checks) if planned else []
    scheme = scheme_of(context, context.building)
    checks += critical_imports(plan, scheme, stage=stage, besides=checks)
    if not checks:
        return 0
    results = ask(context, interpreter_of(context, context.building), plan, checks, step=step)
    failed = [result for result in results if result.outcome == "failed"]
    for result in failed:
        if not result.critical:
            context.tell(Message(level="warning", text=f"check {result.name} failed: {result.output}"))
    if any(result.critical for result in failed):
        raise check_failed(context, f"stage {stage}", results)
    return len(results)


def _summary(wheels: Sequence[Wheel], checked: int) -> str:
    files = sum(len(wheel.members) for wheel in wheels)
    text = f"{len(wheels)} wheel{'s' * (len(wheels) != 1)}, {files} files"
    return f"{text}, {checked} check{'s' * (checked != 1)}" if checked else text


def _abandon(context: Context) -> None:
    """Remove what is being built; should it not go away now, destroy takes it the next time."""
    from lockhouse.environments.generations import Generations

    if context.candidate is not None and not context.candidate.reached("committed"):
        with contextlib.suppress(LockhouseError):
            Generations(context.project).remove(context.candidate)
        context.candidate = None
