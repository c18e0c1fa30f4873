"""The pipeline of a manifest: the built-in steps in order, with what plugins add and replace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module

from lockhouse.errors import Hint, PluginError
from lockhouse.manifest import Manifest
from lockhouse.project import Project
from lockhouse.steps import Step

__all__ = ["AFTER_INSTALL", "PHASES", "pipeline"]

PHASES = ("detect", "plan", "download", "scan", "destroy", "create", "install", "purge", "verify", "lock")
"""The phases in order; each is a module of :mod:`lockhouse.phases`."""

AFTER_INSTALL = PHASES[PHASES.index("purge") :]
"""What the verb ``install`` does beside installing and all that this needs."""


def pipeline(project: Project, manifest: Manifest, added: Iterable[Step] = ()) -> tuple[Step, ...]:
    """Give all steps, each after what it needs.

    ``added`` are the steps of plugins. Raises PluginError for one that replaces or needs what does not exist, that has
    the name of another, or that closes a circle.
    """
    steps: dict[str, Step] = {}
    for phase in PHASES:
        for step in import_module(f"lockhouse.phases.{phase}").steps(project, manifest):
            steps[step.name] = step
    for step in added:
        _add(steps, step)
    for step in steps.values():
        for need in step.needs:
            if need not in steps:
                raise _complaint(step, f"needs the step {need}, which does not exist", steps)
    return _ordered(steps)


def _add(steps: dict[str, Step], step: Step) -> None:
    if step.phase not in PHASES:
        raise _complaint(step, f"belongs to the phase {step.phase!r}; phases are {', '.join(PHASES)}", steps)
    if step.replaces is None:
        if step.name in steps:
            raise _complaint(step, "has the name of another step; give replaces= to stand in for it", steps)
        steps[step.name] = step
        return
    replaced = steps.get(step.replaces)
    if replaced is None:
        raise _complaint(step, f"replaces {step.replaces}, which does not exist", steps)
    if replaced.replaces is not None:
        raise _complaint(step, f"replaces {step.replaces}, and so does another plugin's step", steps)
    # It takes the place and the name, so that everything that needs the original needs this one.
    needs = tuple(dict.fromkeys((*replaced.needs, *step.needs)))
    steps[step.replaces] = replace(step, name=step.replaces, needs=needs, phase=replaced.phase)


def _ordered(steps: dict[str, Step]) -> tuple[Step, ...]:
    ordered: dict[str, Step] = {}
    waiting = dict(steps)
    while waiting:
        ready = next((step for step in waiting.values() if all(need in ordered for need in step.needs)), None)
        if ready is None:
            step = next(iter(waiting.values()))
            raise _complaint(step, f"waits in a circle: {', '.join(waiting)}", steps)
        ordered[ready.name] = waiting.pop(ready.name)
    return tuple(ordered.values())


def _complaint(step: Step, what: str, steps: dict[str, Step]) -> PluginError:
    plugin = step.plugin or "unknown"
    hint = Hint("step-names", f"steps are: {', '.join(steps)}")
    return PluginError(plugin, f"the step {step.name} of plugin {plugin} {what}", hints=[hint])
