"""The hooks that a plugin may implement, one function each. docs/plugins.md is the tutorial.

A plugin is a module or object with functions of these names, marked with ``hookimpl``, and registered through the
entry-point group ``lockhouse.v1`` or as a file in the project's ``plugins/``. Hooks give typed values; lockhouse
decides when to call them. A hook that raises, or gives no answer within :data:`ANSWER_LIMIT`, is named and left out,
except where its answer was needed: rules of the scan that could not judge refuse the plan. Who has not answered once is
not asked again in the same run. Hooks are called one at a time, in a thread that need not be the main one. Steps, and
the making of an environment, take as long as they take.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from lockhouse.accelerators import Accelerator
    from lockhouse.audits import Audit
    from lockhouse.environments import EnvironmentProvider
    from lockhouse.errors import Hint, LockhouseError
    from lockhouse.events import Event
    from lockhouse.host import Host
    from lockhouse.manifest import Check
    from lockhouse.plan import Plan
    from lockhouse.steps import Context, Step

__all__ = ["ANSWER_LIMIT", "PREFIX", "RULE_LIMIT", "hookimpl", "hookspec"]

PREFIX = "lockhouse"
ANSWER_LIMIT = 10.0
"""Seconds for importing a plugin, for one answer of a hook or of what a hook gave, and for hearing one event."""

RULE_LIMIT = 300.0
"""Seconds for one rule to look at a whole plan and its wheels."""

hookspec = pluggy.HookspecMarker(PREFIX)
hookimpl = pluggy.HookimplMarker(PREFIX)


@hookspec
def lockhouse_accelerators() -> Iterable[Accelerator]:  # type: ignore[empty-body]
    """Give accelerators that can be detected and that variants can be built for.

    Example::

        from lockhouse.hookspecs import hookimpl
        from lockhouse_ascend import AscendAccelerator  # docs/plugins.md

        @hookimpl
        def lockhouse_accelerators():
            yield AscendAccelerator()
    """


@hookspec
def lockhouse_environments() -> Iterable[EnvironmentProvider]:  # type: ignore[empty-body]
    """Give providers of environments, chosen by ``python.provider`` of the manifest.

    Example::

        from lockhouse.environments.venv import VenvProvider
        from lockhouse.hookspecs import hookimpl

        class BareProvider(VenvProvider):
            name = "bare"

            def create(self, path, interpreter):
                super().create(path, interpreter)
                for script in self.scheme(path, interpreter).scripts.glob("[aA]ctivate*"):
                    script.unlink()

        @hookimpl
        def lockhouse_environments():
            yield BareProvider()
    """


@hookspec
def lockhouse_steps(plan: Plan | None) -> Iterable[Step]:  # type: ignore[empty-body]
    """Give steps to add to the pipeline, or with ``replaces=`` to put in place of a built-in one.

    ``plan`` is the last plan made on this machine, None before the first: the graph is known before anything runs.

    Example::

        from pathlib import Path

        from lockhouse.hookspecs import hookimpl
        from lockhouse.plan import Plan
        from lockhouse.steps import Step

        NEWS = Path("environment.txt")

        def announce(context):
            names = [item.name for item in context.state.read(Plan).distributions]
            (context.project.root / NEWS).write_text(" ".join(names))

        @hookimpl
        def lockhouse_steps(plan):
            yield Step(name="announce", phase="lock", doc="tell the team", outputs=(NEWS,), run=announce)
    """


@hookspec(firstresult=True)
def lockhouse_run_step(step: Step, context: Context) -> bool | None:
    """Run a step; the first plugin that returns True has run it. A ``hookimpl(wrapper=True)`` goes around any step.

    Example::

        import time

        from lockhouse.events import Message
        from lockhouse.hookspecs import hookimpl

        @hookimpl(wrapper=True)
        def lockhouse_run_step(step, context):
            started = time.monotonic()
            done = yield
            context.emit(Message(level="info", text=f"{step.name}: {time.monotonic() - started:.1f} s"))
            return done
    """


@hookspec
def lockhouse_audits() -> Iterable[Audit]:  # type: ignore[empty-body]
    """Give rules of the scan. One that raises or takes longer than five minutes refuses the plan.

    Example::

        from lockhouse.findings import Finding
        from lockhouse.hookspecs import hookimpl

        class NoForks:
            name = "no-forks"
            needs_wheels = False

            def examine(self, subject):
                for item in subject.plan.distributions:
                    if item.name.endswith("-fork"):
                        yield Finding(
                            rule=self.name,
                            code="no-forks.found",
                            severity="refuse",
                            distribution=item.name,
                            chain=(item.name,),
                            message=f"{item.name} is a fork",
                            hint="use the original",
                        )

        @hookimpl
        def lockhouse_audits():
            yield NoForks()
    """


@hookspec
def lockhouse_checks(plan: Plan, host: Host) -> Iterable[Check]:  # type: ignore[empty-body]
    """Give checks that verify runs beside those of the manifest and of the chosen accelerator.

    Example::

        from lockhouse.hookspecs import hookimpl
        from lockhouse.manifest import Check

        @hookimpl
        def lockhouse_checks(plan, host):
            if plan.distribution("torch"):
                yield Check(name="torch threads", run="import torch; assert torch.get_num_threads() > 0")
    """


@hookspec
def lockhouse_build_settings(requirement: str, host: Host) -> Mapping[str, str]:  # type: ignore[empty-body]
    """Give environment variables for building a requirement from source on this host.

    Example::

        from lockhouse.hookspecs import hookimpl

        @hookimpl
        def lockhouse_build_settings(requirement, host):
            return {"MAX_JOBS": str(host.readings.cpus)} if requirement.startswith("flash-attn") else {}
    """


@hookspec
def lockhouse_hints(error: LockhouseError) -> Iterable[Hint]:  # type: ignore[empty-body]
    """Give advice on an error that is about to be shown.

    Example::

        from lockhouse.errors import Hint
        from lockhouse.hookspecs import hookimpl

        @hookimpl
        def lockhouse_hints(error):
            if error.code == "network":
                yield Hint("vpn", "connect to the company network")
    """


@hookspec
def lockhouse_event(event: Event) -> None:
    """Take note of an event: progress, messages, steps that start and end.

    It is called in a thread of its own, for one event after the other; the run does not wait for it before its end.

    Example::

        import logging

        from lockhouse.hookspecs import hookimpl

        log = logging.getLogger("lockhouse")

        @hookimpl
        def lockhouse_event(event):
            log.info("%s", event)
    """
