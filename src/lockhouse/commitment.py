"""Taking a proven environment into use: its lock is written, then the pointer leads to it.

Killed before the pointer switches, the next run finds the generation proven and the lock as it would write it, and goes
on from there; killed after, it finds it in use and only notes that.
"""

from __future__ import annotations

from pathlib import Path

from lockhouse.environments import Deployment, pointer
from lockhouse.environments.generations import Generation, Generations
from lockhouse.errors import InternalError
from lockhouse.lockfile import Lock, lock_from, recall_lock, write_lock
from lockhouse.plan import Plan
from lockhouse.steps import Context
from lockhouse.verification.records import kept_report, report_time

__all__ = ["commit", "earned_lock", "is_committed", "kept_lock", "lock_path"]


def commit(context: Context, generation: Generation, plan: Plan, *, write: bool = True) -> Generation:
    """Write the lock that a generation earned, lead the pointer to it, and mark it committed; return it so.

    Without ``write`` the lock stays as it is: whoever says so knows that it promises this environment. Raises
    EnvironmentOccupied where the pointer's place is not ours, LockUnusable where the lock's is.
    """
    pointer.check_pointer(context.project)
    provider = context.plugins.environment(generation.provider)
    if isinstance(provider, Deployment):
        generation = provider.deploy(context, generation, plan)
    existing = kept_lock(context, plan)
    earned = earned_lock(context, generation, plan)
    kept = existing.renewed(earned) if existing else earned
    if kept != existing and write:
        write_lock(lock_path(context, plan), kept)
    return Generations(context.project).commit(generation)


def is_committed(context: Context, generation: Generation, plan: Plan) -> bool:
    """Whether a generation of this plan is in use and the lock on disk is what would be written, apart from time."""
    if not generation.reached("committed") or generation.plan != plan.digest:
        return False
    current = Generations(context.project).current()
    if current is None or current.path != generation.path:
        return False
    if not _serves(context, generation):
        return False
    existing = kept_lock(context, plan)
    return existing is not None and existing.renewed(earned_lock(context, generation, plan)) == existing


def _serves(context: Context, generation: Generation) -> bool:
    """Whether a generation is, unchanged, where it is to serve, if that is not where it was built."""
    provider = context.plugins.environment(generation.provider)
    if not isinstance(provider, Deployment):
        return True
    serving = provider.serving(context, generation)
    return serving is not None and not serving.drift(deep=False) and not serving.failures(deep=False)


def earned_lock(context: Context, generation: Generation, plan: Plan) -> Lock:
    """Give the lock that a generation earned; raises InternalError if it was not proven."""
    report = kept_report(generation)
    if report is None or not generation.reached("verified"):
        raise InternalError("a lock was to be written before the environment was proven")
    return lock_from(plan, report, context.plugins.versions, time=report_time(generation))


def kept_lock(context: Context, plan: Plan) -> Lock | None:
    """Read the lock of what a plan is for; None if there is none. Raises LockUnusable."""
    path, memory = lock_path(context, plan), context.project.lock_memory
    return recall_lock(path, memory, name=plan.name, variant=plan.target.variant)


def lock_path(context: Context, plan: Plan) -> Path:
    """Where the lock of a plan stands."""
    return context.project.lock(plan.target.variant, plan.target.platform, plan.target.python_tag)
