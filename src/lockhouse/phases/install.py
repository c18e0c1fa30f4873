"""install: unpacks the planned wheels, stage by stage, from the wheelhouse only, and checks each stage at once."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from lockhouse.errors import BuildError, Hint, InternalError, LockhouseError
from lockhouse.events import Message, Progress
from lockhouse.manifest import CREATE_STAGE, Check, Manifest
from lockhouse.names import canonical_name
from lockhouse.plan import Plan, PlannedDistribution
from lockhouse.project import Project
from lockhouse.steps import Context, Step

if TYPE_CHECKING:
    from lockhouse.store import Entry, Store

__all__ = ["has_stage", "install_stage", "steps"]


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
                done=partial(has_stage, stage=stage.name),
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
    entries = _unpack(context, step, plan, stage)
    checked = _check(context, step, stage, plan)
    context.summarise(step, _summary(entries, checked))


def has_stage(context: Context, stage: str) -> bool:
    """Whether the environment that is being built has every distribution of a stage, whoever brought it there."""
    plan, candidate = context.state.read(Plan), context.candidate
    if plan is None or candidate is None:
        return False
    from lockhouse.verification.asking import scheme_of

    scheme = scheme_of(context, candidate)
    found = {
        canonical_name(path.name.removesuffix(".dist-info").rpartition("-")[0])
        for site in {scheme.purelib, scheme.platlib}
        for path in site.glob("*.dist-info")
    }
    return all(item.name in found for item in plan.in_stage(stage))


def _is_sealed(context: Context) -> bool:
    return context.candidate is not None and context.candidate.reached("sealed")


def _unpack(context: Context, step: str, plan: Plan, stage: str) -> Sequence[Entry]:
    """Bring the wheels of a stage into the environment; the first stage unpacks those of all into the store.

    A wheel that cannot be unpacked ends the run before much was built, and the cores are never idle between stages.
    """
    from lockhouse.store import Store
    from lockhouse.store.freeing import register_use
    from lockhouse.store.modes import choose_mode
    from lockhouse.verification.asking import scheme_of
    from lockhouse.wheels.installing import DamagedEntries, Installation, Wanted

    generation = context.building
    planned = plan.in_stage(stage)
    store = Store()
    if stage == CREATE_STAGE:
        entries = _admit(context, step, store, plan.distributions)
    else:
        found = ((item.sha256, store.entry(item.sha256)) for item in planned)
        entries = {sha256: entry for sha256, entry in found if entry is not None}
        if len(entries) < len({item.sha256 for item in planned}):
            entries = _admit(context, step, store, planned)
    chosen = [entries[item.sha256] for item in planned]
    total = sum(len(entry.kept.sizes) for entry in chosen)

    def linked(done: int) -> None:
        context.emit(Progress(step=step, item="linking", done=done, total=total, unit="files"))

    register_use(store, context.project.generations)
    mode = choose_mode(store, generation.path, context.manifest.environment.link_mode, context.emit)
    scheme = scheme_of(context, generation)
    requested = [item.requirement is not None for item in planned]
    try:
        Installation(generation.path, scheme, mode, linked).install(list(map(Wanted, chosen, requested)))
    except DamagedEntries:
        # Somebody wrote to a file of the store, or another process freed an entry as unused: it is unpacked again.
        entries = _admit(context, step, store, planned, looking=True)
        chosen = [entries[item.sha256] for item in planned]
        Installation(generation.path, scheme, mode, linked).install(list(map(Wanted, chosen, requested)))
    if context.manifest.environment.bytecode == "seal":
        from lockhouse.store.bytecode import link_bytecode

        link_bytecode(generation.path, chosen, generation.interpreter, context.emit, step=step)
    return chosen


def _admit(
    context: Context, step: str, store: Store, planned: Sequence[PlannedDistribution], *, looking: bool = False
) -> Mapping[str, Entry]:
    """Have wheels in the store; with ``looking`` their files are looked at, as they are anyway when they are linked."""
    from lockhouse.wheels.wheelhouse import Wheelhouse

    wheelhouse = Wheelhouse(context.project.wheelhouse)
    for item in planned:
        if not wheelhouse.holds(item.filename, item.sha256):
            raise BuildError(
                f"{item.filename} is not in the wheelhouse any more as it was scanned",
                hints=[Hint("run-again", "run the command again: it fetches and scans what is missing")],
            )

    def unpacked(done: int, total: int) -> None:
        context.emit(Progress(step=step, item="unpacking", done=done, total=total, unit="bytes"))

    wheels = {item.sha256: wheelhouse.path(item.filename) for item in planned}
    return store.sound(wheels, unpacked) if looking else store.settled(wheels, unpacked)


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
            context.emit(Message(level="warning", text=f"check {result.name} failed: {result.output}"))
    if any(result.critical for result in failed):
        raise check_failed(context, f"stage {stage}", results)
    return len(results)


def _summary(entries: Sequence[Entry], checked: int) -> str:
    files = sum(len(entry.kept.sizes) for entry in entries)
    text = f"{len(entries)} wheel{'s' * (len(entries) != 1)}, {files} files"
    return f"{text}, {checked} check{'s' * (checked != 1)}" if checked else text


def _abandon(context: Context) -> None:
    """Remove what is being built; should it not go away now, destroy takes it the next time."""
    from lockhouse.environments.generations import Generations

    if context.candidate is not None and not context.candidate.reached("committed"):
        with contextlib.suppress(LockhouseError):
            Generations(context.project).abandon(context.candidate)
        context.candidate = None
