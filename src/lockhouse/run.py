"""One run of the pipeline over one context: what was asked for, which steps have work, and the error that ends it.

It knows nothing of doit; :mod:`lockhouse.tasks` asks it about every task.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from lockhouse.attempts import attempt
from lockhouse.errors import (
    CheckFailed,
    Hint,
    InternalError,
    Interrupted,
    LockhouseError,
    LockOutdated,
    NothingToVerify,
    PluginError,
)
from lockhouse.events import Message, StepFinished, StepStarted
from lockhouse.guards import disabling
from lockhouse.interruption import heeded, was_interrupted
from lockhouse.pipeline import AFTER_INSTALL, pipeline
from lockhouse.plan import Plan
from lockhouse.state import refused
from lockhouse.steps import Context, Step

if TYPE_CHECKING:
    from lockhouse.locking import Hold

__all__ = ["Run", "run_verb"]

PATIENCE = 3600.0
"""Seconds to wait for another lockhouse in the same project: a cold build of a large environment takes minutes."""


def run_verb(verb: str, context: Context) -> None:
    """Run a verb of the pipeline; raise the error that stopped it.

    doit orders what has to be done. Where that is nothing, it is not even imported.
    """
    run = Run(context)
    try:
        run.begin(frozenset({verb}))
        if not run.settle(verb):
            from lockhouse.tasks.graph import execute

            execute(verb, run)
    finally:
        run.close()
    if run.error is not None:
        raise run.error


class Run:
    """The steps of a context and how far they came. ``error`` is what stopped the run, None while all is well."""

    def __init__(self, context: Context) -> None:
        self.context = context
        added = context.plugins.steps(context.state.read(Plan))
        self.steps = {
            step.name: step for step in pipeline(context.project, context.manifest, added, context.plugins.source)
        }
        self.requested: frozenset[str] = frozenset()
        self.proving = False
        """``verify`` alone with an environment in use: it is proven, and nothing else happens."""
        self.completing = False
        """``verify`` alone without one: it is built from the lock first, as ``--locked install`` does."""
        self.error: LockhouseError | None = None
        self._proven: frozenset[str] = frozenset()
        """Steps that a proof consists of, and those that were asked for beside it."""
        self._answers: dict[str, bool] = {}
        self._refusal: Exception | None = None
        self._lock: Hold | None = None

    def begin(self, requested: frozenset[str]) -> None:
        """Have the project alone, and decide what the requested tasks mean here.

        A task that is no step of the pipeline looks after itself.
        """
        self.requested = requested
        if not requested & {"install", *self.steps}:
            return
        others = requested - {"verify"}
        building = any("create" in self._needed(name) for name in others)
        try:
            with heeded():
                self._hold(writing=requested != {"verify"})
            if "verify" in requested and not building:
                self._verify_alone()
                self._proven = frozenset(("detect", "verify")).union(*map(self._needed, others))
            self.context.state.lenient = self.proving and not others
            self.context.building_next = building or self.completing
        except LockhouseError as error:
            self._refusal = error  # told by the first step: doit has no place for an error before the first task

    def _verify_alone(self) -> None:
        """Decide whether ``verify`` proves an environment, builds one from the lock, or has nothing it may touch."""
        from lockhouse.environments.generations import Generations

        pointer = self.context.project.pointer
        self.proving = Generations(self.context.project).current() is not None
        if self.proving:
            return
        if pointer.exists() or (os.path.lexists(pointer) and not pointer.is_symlink()):
            raise CheckFailed(
                f"{pointer.name} is not a finished environment of the manifest {self.context.manifest.name}",
                cause=f"{pointer} leads elsewhere, or to what lockhouse does not recognise",
                hints=[Hint("run-install", "run install: it builds one, and takes it into use when it is proven")],
            )
        if not self.context.options.build:
            raise _nothing_to_verify("--no-build forbids building one from the lock")
        if self.context.manifest.hosted:
            raise _nothing_to_verify(
                "what the manifest asks for has not been added to the host, and verify adds nothing"
            )
        self.completing = True
        self.context.options = replace(self.context.options, locked=True)

    def up_to_date(self, step: Step) -> bool:
        """Whether a step has nothing to do.

        An error in finding out comes again, and is reported, when the step runs.
        """
        if not self.requested:
            return self._foreseen(step)
        known = self._answers.pop(step.name, None)
        return self._decide(step) if known is None else known

    def _foreseen(self, step: Step) -> bool:
        """Answer for doit's ``list`` and ``info``, which ask about any step without a run.

        In a run those that a step needs are asked before it, and what they find counts for it.
        """
        needed = self._needed(step.name)
        for other in self.steps.values():
            if other.name in needed and other.name not in self._answers:
                self._answers[other.name] = self._decide(other)
        return self._answers[step.name]

    def settle(self, verb: str) -> bool:
        """Whether a verb has nothing to do; what was found out about its steps is kept for doit to ask."""
        wanted = self._needed(verb)
        for step in self.steps.values():
            if step.name not in wanted:
                continue
            if not all(path.exists() for path in step.outputs):
                return False
            self._answers[step.name] = self._decide(step)
            if not self._answers[step.name]:
                return False
        return bool(wanted)

    def _needed(self, verb: str) -> frozenset[str]:
        """Names of the steps that a verb asks for with all they need; those of ``install`` are the whole pipeline."""
        whole = [step.name for step in self.steps.values() if step.phase in ("install", *AFTER_INSTALL)]
        waiting = whole if verb == "install" else [name for name in self.steps if name == verb]
        found: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self.steps[name].needs)
        return frozenset(found)

    def _decide(self, step: Step) -> bool:
        if self._refusal is not None:
            return False
        if not self._concerns(step):
            return True
        # Asked for by itself, verify proves now; and where it builds, it has yet to take what it built into use.
        if step.up_to_date is None or (step.name == "verify" and (self.proving or self.completing)):
            return False
        started = time.perf_counter()
        try:
            with heeded():
                current = step.up_to_date(self.context)
        except LockhouseError:
            return False
        except Exception as error:  # noqa: BLE001 - told by the step as well: doit would print a traceback
            self._refusal = error
            return False
        if current:
            self._finish(step, "up-to-date", started)
        return current

    def act(self, step: Step) -> LockhouseError | None:
        """Run a step; return the error that stops it. The first of a run is kept in :attr:`error`."""
        if not self._concerns(step):
            return None  # doit runs what is up to date if it is told to, or if a file is missing
        started = time.perf_counter()
        error: LockhouseError | None = None
        self.context.emit(StepStarted(step=step.name))
        try:
            if self._refusal is not None:
                raise self._refusal
            with heeded():
                attempt(step, self.context)
        except KeyboardInterrupt:
            self.error = Interrupted("interrupted")
            self._finish(step, "failed", started)
            raise
        except Exception as caught:  # noqa: BLE001 - the boundary: a defect must not pass for a failed phase
            error = self._explained(step, caught)
            self.error = self.error or error
        self._finish(step, "failed" if error else "done", started)
        if error is None and step.name == "verify" and self.completing:
            return self._take_into_use()
        return error

    def _take_into_use(self) -> LockhouseError | None:
        """Run what stands between ``verify`` and ``lock``, and ``lock``: a step of a plugin may refuse there."""
        waiting = self._needed("lock") - self._needed("verify")
        for step in self.steps.values():
            if step.name in waiting and (step.name == "lock" or not self.up_to_date(step)):
                error = self.act(step)
                if error is not None:
                    return error
        return None

    def _concerns(self, step: Step) -> bool:
        return not self.proving or step.name in self._proven

    def close(self) -> None:
        """Give the project free; say what could not be kept."""
        if (unkept := self.context.state.unkept) is not None:
            self.context.emit(Message(level="warning", text=f"what was found is not kept: {_told(unkept)}"))
            self.context.state.unkept = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @contextlib.contextmanager
    def stood_aside(self) -> Iterator[None]:
        """Let a verb that looks after itself have the project; if that succeeds the run goes on with what is there."""
        held = self._lock is not None
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        yield
        if held:
            self._hold(writing=self.requested != {"verify"})

    def _hold(self, *, writing: bool) -> None:
        if self._lock is None:
            from lockhouse.exclusion import hold_project

            project = self.context.project
            self._lock = hold_project(project, self.context.emit, PATIENCE, writing=writing)
            self.context.state.refresh()  # whoever had it before may have left other values

    def _finish(self, step: Step, outcome: Literal["done", "up-to-date", "failed"], started: float) -> None:
        detail = self.context.details.pop(step.name, "")
        seconds = time.perf_counter() - started
        self.context.emit(StepFinished(step=step.name, outcome=outcome, seconds=seconds, detail=detail))

    def _explained(self, step: Step, caught: Exception) -> LockhouseError:
        if was_interrupted(caught):
            return Interrupted("interrupted")
        if isinstance(caught, LockhouseError):
            error = caught
        elif isinstance(caught, OSError) and (refusal := refused(caught)) is not None:
            error = refusal
            error.__cause__ = caught
        else:
            error = InternalError(f"the step {step.name} broke", cause=f"{type(caught).__name__}: {caught}")
            error.__cause__ = caught
        stood_in = [self.steps[name] for name in self._needed(step.name) if self.steps[name].replaces is not None]
        if isinstance(error, InternalError) and stood_in and step.plugin is None:
            return _not_done(step, stood_in, error)
        if self.completing and isinstance(error, LockOutdated) and error.missing:
            return _nothing_to_verify("there is no lock to build one from")
        return error


def _not_done(step: Step, stood_in: list[Step], error: InternalError) -> PluginError:
    """Say that a step cannot go on after one that a plugin put in place of lockhouse's own."""
    culprit = stood_in[0]
    plugin = culprit.plugin or "unknown"
    failed = PluginError(
        plugin,
        f"{step.name} cannot go on after {', '.join(item.name for item in stood_in)}, which plugin {plugin} replaces",
        cause="\n".join(filter(None, (error.summary, error.cause))),
        hints=[Hint("disable-plugin", disabling(plugin))],
    )
    failed.__cause__ = error
    return failed


def _told(error: LockhouseError) -> str:
    return f"{error.summary}: {error.cause}" if error.cause else error.summary


def _nothing_to_verify(why: str) -> NothingToVerify:
    hint = Hint("install-first", "run install: it builds, verifies and locks an environment")
    return NothingToVerify("there is no environment to verify", cause=why, hints=[hint])
