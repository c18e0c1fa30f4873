"""Plan: decide the exact wheels, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockhouse.environments.pointer import check_pointer
from lockhouse.errors import Hint, LockOutdated
from lockhouse.events import Message
from lockhouse.foreseen import report_foreseen
from lockhouse.manifest import Manifest
from lockhouse.plan import Plan
from lockhouse.project import Project
from lockhouse.steps import Context, Step

if TYPE_CHECKING:
    from lockhouse.resolution.situation import Situation

__all__ = ["steps"]


def steps(project: Project, manifest: Manifest) -> tuple[Step, ...]:
    """Give the step ``plan``."""
    return (
        Step(
            name="plan",
            phase="plan",
            doc="decide the exact wheels, stage by stage",
            needs=("detect",),
            outputs=(project.state / "plan.json",),
            up_to_date=_up_to_date,
            done=lambda context: Plan in context.state.written,
            run=_run,
        ),
    )


def _up_to_date(context: Context) -> bool:
    from lockhouse.resolution.situation import decided_plan, read_situation

    known = context.state.read(Plan)
    if known is None:
        return False
    decided = decided_plan(context, read_situation(context))
    return decided is not None and decided.digest == known.digest and decided.host == known.host


def _run(context: Context) -> None:
    from lockhouse.resolution.planning import make_plan
    from lockhouse.resolution.situation import decided_plan, read_situation
    from lockhouse.verification.required import check_accelerators

    check_pointer(context.project)
    context.plugins.environment(context.manifest.python.provider)
    check_accelerators(context.manifest, context.plugins)
    report_foreseen(context.manifest, context.emit)
    situation = read_situation(context)
    plan = decided_plan(context, situation)
    if plan is None:
        if context.options.locked:
            raise _not_locked(context, situation)
        plan = make_plan(context, situation)
    context.state.write(plan)
    for device in situation.choice.lost:
        context.emit(Message(level="warning", text=device))
    for note in plan.notes:
        context.emit(Message(level="info", text=note))
    left_out = f", without {', '.join(stage.name for stage in plan.omitted)}" if plan.omitted else ""
    context.summarise("plan", f"{len(plan.distributions)} distributions for {plan.target.variant}{left_out}")


def _not_locked(context: Context, situation: Situation) -> LockOutdated:
    from lockhouse.resolution.differences import differences

    hint = Hint("update-lock", "run install without --locked to make a new lock, and commit it")
    lock = situation.lock
    if lock is None:
        name = situation.lock_path.name
        return LockOutdated("there is no lock to repeat", cause=f"{name} does not exist", hints=[hint], missing=True)
    if lock.manifest == context.manifest.digest:
        return LockOutdated(
            "the lock was made with other optional stages",
            cause="--with and --without differ from those of the lock",
            hints=[hint, Hint("same-selection", "or leave --with and --without out: the lock knows its own")],
        )
    found = list(differences(context.manifest, lock))
    cause = "\n".join(found) or "fields other than requirements have changed (checks, blacklist, environment, …)"
    return LockOutdated("the manifest has moved on from the lock", cause=cause, hints=[hint])
