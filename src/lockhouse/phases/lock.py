"""lock: writes down what was proven, then takes the environment into use.

Killed before the pointer switches, the next run finds the generation proven and the lock as it would write it, and goes
on from there; killed after, it finds it in use and only notes that.
"""

from __future__ import annotations

from lockhouse.environments import pointer
from lockhouse.environments.generations import Generation, Generations
from lockhouse.errors import InternalError
from lockhouse.lockfile import Lock, lock_from, read_lock, write_lock
from lockhouse.manifest import Manifest
from lockhouse.plan import Plan
from lockhouse.project import Project
from lockhouse.steps import Context, Step

__all__ = ["steps"]


def steps(project: Project, manifest: Manifest) -> tuple[Step, ...]:
    """Give the step ``lock``."""
    return (
        Step(
            name="lock",
            phase="lock",
            doc="write the lock that was earned, and take the environment into use",
            needs=("verify",),
            run=_lock,
            up_to_date=_is_committed,
        ),
    )


def _lock(context: Context) -> None:
    candidate, plan = context.building, context.state.read(Plan)
    if plan is None:
        raise InternalError("lock ran before there was a plan")
    pointer.check_pointer(context.project)
    target = plan.target
    path = context.project.lock(target.variant, target.platform, target.python_tag)
    existing = read_lock(path)
    earned = _earned(context, candidate, plan)
    kept = existing.renewed(earned) if existing else earned
    # With --locked the file is given, and verify has shown that the environment is the one it promises.
    if kept != existing and not context.options.locked:
        write_lock(path, kept)
    generations = Generations(context.project)
    if not _in_use(generations, candidate):
        pointer.switch(context.project.pointer, candidate.path)
    context.candidate = generations.advance(candidate, "committed")
    context.summarise("lock", f"{path.name}, environment {(candidate.environment_digest or '')[:12]}")


def _is_committed(context: Context) -> bool:
    candidate, plan = context.candidate, context.state.read(Plan)
    if candidate is None or plan is None or not candidate.reached("committed"):
        return False
    if candidate.plan != plan.digest or not _in_use(Generations(context.project), candidate):
        return False
    target = plan.target
    existing = read_lock(context.project.lock(target.variant, target.platform, target.python_tag))
    return existing is not None and existing.renewed(_earned(context, candidate, plan)) == existing


def _earned(context: Context, candidate: Generation, plan: Plan) -> Lock:
    from lockhouse.verification.records import kept_report, report_time

    report = kept_report(candidate)
    if report is None or not candidate.reached("verified"):
        raise InternalError("a lock was to be written before the environment was proven")
    return lock_from(plan, report, context.plugins.versions, time=report_time(candidate))


def _in_use(generations: Generations, candidate: Generation) -> bool:
    current = generations.current()
    return current is not None and current.path == candidate.path
