"""One run of the pipeline over one context: what was asked for, which steps have work, and the error that ends it.

It knows nothing of doit; :mod:`lockhouse.tasks` asks it about every task.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from lockhouse.errors import (
    Hint,
    InternalError,
    Interrupted,
    LockhouseError,
    LockOutdated,
    NothingToVerify,
)
from lockhouse.events import StepFinished, StepStarted
from lockhouse.pipeline import pipeline
from lockhouse.plan import Plan
from lockhouse.state import sweep
from lockhouse.steps import Context, Step

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["Run"]

PATIENCE = 3600.0
"""Seconds to wait for another lockhouse in the same project: a cold build of a large environment takes minutes."""


class Run:
    """The steps of a context and how far they came. ``error`` is what stopped the run, None while all is well."""

    def __init__(self, context: Context) -> None:
        self.context = context
        added = context.plugins.steps(context.state.read(Plan))
        self.steps = {step.name: step for step in pipeline(context.project, context.manifest, added)}
        self.requested: frozenset[str] = frozenset()
        self.proving = False
        """``verify`` alone with an environment in use: it is proven, and nothing else happens."""
        self.completing = False
        """``verify`` alone without one: it is built from the lock first, as ``--locked install`` does."""
        self.error: LockhouseError | None = None
        self._lock: BaseFileLock | None = None

    def begin(self, requested: frozenset[str]) -> None:
        """Have the project alone, and decide what the requested tasks mean here.

        A task that is no step of the pipeline looks after itself.
        """
        self.requested = requested
        if not requested & {"install", *self.steps}:
            return
        self._hold()
        if "verify" not in requested or requested & {"install", "lock"}:
            return
        from lockhouse.environments.generations import Generations

        self.proving = Generations(self.context.project).current() is not None
        self.completing = not self.proving
        if self.completing:
            self.context.options = replace(self.context.options, locked=True)

    def up_to_date(self, step: Step) -> bool:
        """Whether a step has nothing to do.

        An error in finding out comes again, and is reported, when the step runs.
        """
        if self.proving and step.name not in ("detect", "verify"):
            return True
        if step.up_to_date is None or (self.proving and step.name == "verify"):
            return False
        started = time.perf_counter()
        try:
            current = step.up_to_date(self.context)
        except LockhouseError:
            return False
        if current:
            self._finish(step, "up-to-date", started)
        return current

    def act(self, step: Step) -> LockhouseError | None:
        """Run a step; return the error that stops the run, which is kept in :attr:`error` too."""
        started = time.perf_counter()
        self.context.tell(StepStarted(step=step.name))
        try:
            if self.completing and not self.context.options.build:
                raise _nothing_to_verify("--no-build forbids building one from the lock")
            self.context.plugins.run_step(step, self.context)
        except LockhouseError as error:
            self.error = self._explained(error)
        except KeyboardInterrupt:
            self.error = Interrupted("interrupted")
            self._finish(step, "failed", started)
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: a defect must not pass for a failed phase
            self.error = InternalError(f"the step {step.name} broke", cause=f"{type(error).__name__}: {error}")
            self.error.__cause__ = error
        self._finish(step, "failed" if self.error else "done", started)
        if self.error is None and step.name == "verify" and self.completing:
            return self.act(self.steps["lock"])
        return self.error

    def close(self) -> None:
        """Give the project free."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _hold(self) -> None:
        if self._lock is None:
            from lockhouse.exclusion import hold_project

            project = self.context.project
            self._lock = hold_project(project, self.context.emit, PATIENCE)
            sweep(project.state, project.manifest.parent)

    def _finish(self, step: Step, outcome: Literal["done", "up-to-date", "failed"], started: float) -> None:
        detail = self.context.details.pop(step.name, "")
        seconds = time.perf_counter() - started
        self.context.tell(StepFinished(step=step.name, outcome=outcome, seconds=seconds, detail=detail))

    def _explained(self, error: LockhouseError) -> LockhouseError:
        if self.completing and isinstance(error, LockOutdated) and error.missing:
            return _nothing_to_verify("and there is no lock to build one from")
        return error


def _nothing_to_verify(why: str) -> NothingToVerify:
    hint = Hint("install-first", "run install: it builds, verifies and locks an environment")
    return NothingToVerify("there is no environment to verify", cause=why, hints=[hint])
