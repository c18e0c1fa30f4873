"""Running a step through the plugins, and believing none of them: then its work is done, or there is an error.

A plugin may run a step in place of others, and go around it: what it returns, and what it makes of an error, says
nothing about what is on disk.
"""

from __future__ import annotations

from dataclasses import replace

from lockhouse.errors import Hint, InternalError, LockhouseError, PluginError
from lockhouse.guards import disabling
from lockhouse.interruption import was_interrupted
from lockhouse.steps import Context, Step
from lockhouse.vetting import describe_error

__all__ = ["attempt"]

HOOK = "lockhouse_run_step"


def attempt(step: Step, context: Context) -> None:
    """Run a step; raise its error, that of a plugin on the way, or PluginError where its work is not done after all."""
    own = _Own(step)
    context.plugins.run_step(replace(step, run=own), context)
    kept = context.state.unkept is None
    missing = tuple(str(path) for path in step.outputs if kept and not path.exists())
    if not missing and (step.done is None or step.done(context)):
        return
    if own.error is not None and was_interrupted(own.error):
        raise own.error
    raise _not_done(step, context, own, missing)


class _Own:
    """The step's own work: whether it was begun at all, and what stopped it."""

    def __init__(self, step: Step) -> None:
        self._run = step.run
        self.begun = False
        self.error: BaseException | None = None

    def __call__(self, context: Context) -> None:
        self.begun = True
        try:
            self._run(context)
        except BaseException as error:
            self.error = error
            raise


def _not_done(step: Step, context: Context, own: _Own, missing: tuple[str, ...]) -> LockhouseError:
    around = tuple(
        record.name
        for record in context.plugins.records
        if record.status == "active" and HOOK in record.hooks and record.origin != "built-in"
    )
    culprits = around if step.plugin is None or own.error is not None or not own.begun else (step.plugin,)
    summary = f"the work of the step {step.name} is not done, although it passed for done"
    reasons = [f"there is no {path}" for path in missing]
    hints = [Hint("disable-plugin", disabling(plugin)) for plugin in culprits]
    if not own.begun:
        reasons.append(f"it was never begun: {' or '.join(around)} said to have run it")
    elif isinstance(own.error, LockhouseError):
        reasons += [f"it failed, and {' or '.join(around)} kept that back: {own.error.summary}", own.error.cause or ""]
        hints += own.error.hints
    elif own.error is not None:
        reasons.append(f"it failed, and {' or '.join(around)} kept that back: {describe_error(own.error)}")
    cause = "\n".join(filter(None, reasons)) or None
    if not culprits:
        return InternalError(summary, cause=cause)
    blamed = f"plugin {culprits[0]}" if len(culprits) == 1 else f"one of the plugins {', '.join(culprits)}"
    return PluginError(culprits[0], f"{summary}: {blamed}", cause=cause, hints=hints)
