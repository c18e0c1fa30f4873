"""What may go: leftovers of interrupted work, abandoned builds, and generations beyond those that are kept.

Deciding and removing are two functions, so that people can be shown what would be freed. The generation that the
pointer leads to is never among it, whatever its state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from lockhouse.environments.generations import Generation, Generations
from lockhouse.environments.processes import end, find_users
from lockhouse.errors import StorageError
from lockhouse.events import Emit, Message, discard
from lockhouse.values import dataclass

__all__ = ["Clearing", "OnBusy", "clear", "find_clearing"]

OnBusy = Literal["refuse", "terminate", "ignore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """What is to go. ``abandoned`` were never taken into use, ``retired`` were and are no longer kept."""

    leftovers: tuple[Path, ...] = ()
    abandoned: tuple[Generation, ...] = ()
    retired: tuple[Generation, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.leftovers or self.abandoned or self.retired)

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of it, in the order of removal."""
        return (*self.leftovers, *(generation.path for generation in (*self.abandoned, *self.retired)))


def find_clearing(generations: Generations, plan: str | None, keep: int) -> Clearing:
    """Decide what is to go, given the digest of the plan that is wanted (None where there is none).

    Of those that were taken into use ``keep`` remain, the one in use first of all. What is yet to be proven takes
    nobody's place: should it fail, everything that could be gone back to is still there. Once it is in use, one more
    than ``keep`` is there, and one goes. Of the others those are kept that served last, and after all of them those
    whose plan is that of one already kept: going back to the same distributions is worth least.
    """
    current = generations.current()
    everything = generations.all()
    reusable = _reusable(everything, current, plan)
    abandoned = tuple(
        item
        for item in everything
        if item != current and (item.moved or (not item.reached("committed") and item != reusable))
    )
    served = [item for item in everything if item.reached("committed") and item not in abandoned]
    committed = sorted(served, key=lambda item: item.last_use)
    unproven = reusable is not None and reusable != current and not reusable.reached("committed")
    kept = _choose(committed, [item for item in (current, reusable) if item], keep + unproven)
    return Clearing(
        leftovers=generations.leftovers(),
        abandoned=abandoned,
        retired=tuple(item for item in committed if item not in kept),
    )


def clear(generations: Generations, clearing: Clearing, on_busy: OnBusy, emit: Emit = discard) -> tuple[Path, ...]:
    """Remove what was decided on; return the paths that were left in place.

    A generation that processes use is left with a warning that names them (``refuse``), or they are ended first
    (``terminate``), or nobody looks (``ignore``). One that was never taken into use has no users but what a killed run
    left running, its checks: they are ended. What the file system does not let go of is left with a warning as
    well: whatever is built later stands elsewhere.
    """
    left: list[Path] = []
    for leftover in clearing.leftovers:
        _attempt(partial(generations.clear, leftover), leftover, left, emit)
    for generation in (*clearing.abandoned, *clearing.retired):
        abandoned = on_busy == "refuse" and not generation.reached("committed")
        if _is_free(generation, "terminate" if abandoned else on_busy, emit):
            _attempt(partial(generations.remove, generation), generation.path, left, emit)
        else:
            left.append(generation.path)
    return tuple(left)


def _reusable(everything: Sequence[Generation], current: Generation | None, plan: str | None) -> Generation | None:
    """The finished generation of a plan that need not be built again, as far as can be told without reading it.

    One that was never taken into use is worth something only as the newest of all: otherwise a later build went past
    it, which happens when it was found to have drifted.
    """
    finished = [item for item in everything if item.plan == plan and item.reached("sealed") and not item.moved]
    if current in finished:
        return current
    taken = max((item.number for item in everything if item.reached("committed")), default=0)
    committed = [item for item in finished if item.reached("committed")]
    newest = committed or [item for item in finished if item.number > taken]
    return newest[-1] if newest else None


def _choose(committed: Sequence[Generation], protected: Sequence[Generation], count: int) -> list[Generation]:
    kept = list(dict.fromkeys(item.path for item in protected))
    plans = {item.plan for item in protected}
    repeated = []
    for item in reversed(committed):
        if item.path in kept:
            continue
        if item.plan in plans:
            repeated.append(item.path)
        else:
            kept.append(item.path)
            plans.add(item.plan)
    chosen = [*kept, *repeated][: max(count, len({item.path for item in protected}))]
    return [item for item in (*committed, *protected) if item.path in chosen]


def _is_free(generation: Generation, on_busy: OnBusy, emit: Emit) -> bool:
    if on_busy == "ignore":
        return True
    users = find_users(generation.path)
    if users and on_busy == "terminate":
        emit(Message(level="info", text=f"ending {', '.join(map(str, users))}: it uses {generation.path}"))
        users = end(users)
    if users:
        names = ", ".join(map(str, users))
        emit(Message(level="warning", text=f"{generation.path} stays for now, it is used by {names}"))
    return not users


def _attempt(remove: Callable[[], None], path: Path, left: list[Path], emit: Emit) -> None:
    try:
        remove()
    except StorageError as error:
        emit(Message(level="warning", text=f"{error.summary}: {error.cause}"))
        left.append(path)
