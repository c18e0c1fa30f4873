"""lock: writes down what was proven, takes the environment into use, and retires those that are not kept."""

from __future__ import annotations

from lockhouse.errors import InternalError
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
            done=_is_in_use,
        ),
    )


def _lock(context: Context) -> None:
    from lockhouse.commitment import commit, lock_path

    candidate, plan = context.building, context.state.read(Plan)
    if plan is None:
        raise InternalError("lock ran before there was a plan")
    # With --locked the file is given, and verify has shown that the environment is the one it promises.
    context.candidate = commit(context, candidate, plan, write=not context.options.locked)
    _retire(context, plan)
    name = lock_path(context, plan).name
    context.summarise("lock", f"{name}, environment {(candidate.environment_digest or '')[:12]}")


def _retire(context: Context, plan: Plan) -> None:
    """Let go of generations beyond those kept: not before now, when there is another one that serves."""
    from lockhouse.environments.generations import Generations
    from lockhouse.environments.retirement import clear, find_clearing

    generations, wish = Generations(context.project), context.manifest.environment
    clear(generations, find_clearing(generations, plan.digest, wish.keep), wish.on_busy, context.emit)


def _is_in_use(context: Context) -> bool:
    from lockhouse.environments.generations import Generations

    current = Generations(context.project).current()
    return current is not None and context.candidate is not None and current.path == context.candidate.path


def _is_committed(context: Context) -> bool:
    from lockhouse.commitment import is_committed

    candidate, plan = context.candidate, context.state.read(Plan)
    return candidate is not None and plan is not None and is_committed(context, candidate, plan)
