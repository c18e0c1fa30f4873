"""Steps of the pipeline and the context that they run in.

A step is a value: who it is, what it needs, and two functions of the context. It knows nothing of doit; the only module
that turns steps into tasks is :mod:`lockhouse.tasks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from lockhouse.errors import InternalError, UsageError
from lockhouse.events import Emit, discard
from lockhouse.manifest import Manifest
from lockhouse.plan import Selection
from lockhouse.values import dataclass

if TYPE_CHECKING:
    from lockhouse.environments.generations import Generation
    from lockhouse.plugins import Plugins
    from lockhouse.project import Project
    from lockhouse.state import State

__all__ = ["Context", "Options", "Step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the pipeline is to run, whoever asked: console command, doit variables or environment.

    ``deep`` makes ``verify`` hash every file. ``upgrade`` is None to keep the lock's versions, () to replan everything
    without them, or the names to replan.
    """

    offline: bool = False
    locked: bool = False
    build: bool = True
    deep: bool = False
    selection: Selection = field(default_factory=Selection)
    upgrade: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.locked and self.upgrade is not None:
            raise UsageError("upgrade cannot be locked", cause="it is there to go beyond the lock's versions")


@dataclass(slots=True, kw_only=True)
class Context:
    """What a step is given: where it works, what is wanted, and the values that earlier steps left on disk.

    The only thing that flows from step to step in memory is ``candidate``, the generation that this run builds or has
    found to be right; everything else goes through :attr:`state`.
    """

    project: Project
    manifest: Manifest
    options: Options
    plugins: Plugins
    state: State
    emit: Emit = discard
    building_next: bool = False
    """Whether this run goes on to build an environment: what building needs may be prepared."""
    candidate: Generation | None = None
    details: dict[str, str] = field(default_factory=dict)

    def summarise(self, step: str, text: str) -> None:
        """Leave the short summary that is shown when the step ends."""
        self.details[step] = text

    @property
    def building(self) -> Generation:
        """The generation that ``create`` chose in this run."""
        if self.candidate is None:
            raise InternalError("a step that works on a new environment ran before create")
        return self.candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. ``name`` is its task name (``scan``, ``install:torch``), ``phase`` the phase it belongs to.

    ``needs`` names the steps that must have succeeded before. ``inputs`` are files that it reads: it comes after the
    step that has one of them among its ``outputs``, files that exist after it succeeded; relative paths start at the
    project's root. ``up_to_date`` decides from what is on disk whether there is nothing to do. Without it a step of a
    plugin that states inputs or outputs has nothing to do while they, the plan and the environment that is built are
    those of its last success; any other always runs. ``replaces`` names a step that this one stands in for: it takes
    over name, phase, needs, and whatever of ``outputs``, ``up_to_date`` and ``done`` it does not state itself.
    ``plugin`` is who gives it: lockhouse writes that in itself, None for its own. ``run`` raises a
    :class:`~lockhouse.errors.LockhouseError` when it cannot do its work. ``done`` says after that whether the work has
    been done: between the two stand plugins, which may have run the step themselves or stopped its error.
    """

    name: str
    phase: str
    doc: str
    run: Callable[[Context], None]
    needs: tuple[str, ...] = ()
    inputs: tuple[Path, ...] = ()
    outputs: tuple[Path, ...] = ()
    up_to_date: Callable[[Context], bool] | None = None
    done: Callable[[Context], bool] | None = None
    replaces: str | None = None
    plugin: str | None = None
