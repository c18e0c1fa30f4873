"""destroy: the clean slate. Clears what interrupted work left behind, and generations that are not kept.

It never touches the environment in use, nor anything that carries no marker of lockhouse.
"""

from __future__ import annotations

from lockhouse.environments.generations import Generations
from lockhouse.environments.pointer import check_pointer
from lockhouse.environments.retirement import Clearing, clear, find_clearing
from lockhouse.errors import InternalError
from lockhouse.events import Message
from lockhouse.manifest import Manifest
from lockhouse.plan import Plan
from lockhouse.project import Project
from lockhouse.steps import Context, Step

__all__ = ["steps"]


def steps(project: Project, manifest: Manifest) -> tuple[Step, ...]:
    """Give the step ``destroy``."""
    return (
        Step(
            name="destroy",
            phase="destroy",
            doc="clear what interrupted work left behind and retire generations that are not kept",
            needs=("scan",),
            run=_destroy,
            up_to_date=_is_clear,
        ),
    )


def _is_clear(context: Context) -> bool:
    check_pointer(context.project)
    return context.state.read(Plan) is not None and not _find(context)


def _destroy(context: Context) -> None:
    check_pointer(context.project)
    generations = Generations(context.project)
    for stranger in generations.strangers():
        context.emit(Message(level="warning", text=f"{stranger} was not made by this lockhouse and is left alone"))
    clearing = _find(context)
    left = clear(generations, clearing, context.manifest.environment.on_busy, context.emit)
    context.summarise("destroy", f"{len(clearing.paths) - len(left)} of {len(clearing.paths)} removed")


def _find(context: Context) -> Clearing:
    plan = context.state.read(Plan)
    if plan is None:
        raise InternalError("destroy ran before there was a plan")
    return find_clearing(Generations(context.project), plan.digest, context.manifest.environment.keep)
