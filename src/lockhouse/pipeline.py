"""The pipeline of a manifest: the built-in steps in order, with what plugins add and replace."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module

from lockhouse.manifest import Manifest
from lockhouse.participants import with_participants
from lockhouse.project import Project
from lockhouse.steps import Step

__all__ = ["AFTER_INSTALL", "PHASES", "pipeline"]

PHASES = ("detect", "plan", "download", "scan", "destroy", "create", "install", "purge", "verify", "lock")
"""The phases in order; each is a module of :mod:`lockhouse.phases`."""

AFTER_INSTALL = PHASES[PHASES.index("purge") :]
"""What the verb ``install`` does beside installing and all that this needs."""


def pipeline(
    project: Project, manifest: Manifest, added: Iterable[Step] = (), source: Callable[[str], str] = str
) -> tuple[Step, ...]:
    """Give all steps, each after what it needs.

    ``added`` are the steps of plugins, ``source`` tells a plugin with its version. Raises PluginError that names every
    step that does not fit (:mod:`lockhouse.placing`).
    """
    steps: dict[str, Step] = {}
    for phase in PHASES:
        for step in import_module(f"lockhouse.phases.{phase}").steps(project, manifest):
            steps[step.name] = step
    given = tuple(added)
    if given:
        from lockhouse.placing import place

        steps = {step.name: step for step in place(steps, given, PHASES, project, source)}
    return with_participants(steps, PHASES, source)
