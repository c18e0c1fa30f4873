"""The plugins of a run: loaded one by one, listed, and asked.

With :mod:`lockhouse.hookspecs` the only module that knows pluggy. A plugin that cannot be loaded, or raises when asked,
is named in a record and a warning, and left out; the others go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

import lockhouse
from lockhouse import discovery, interruption
from lockhouse.accelerators import Accelerator
from lockhouse.admission import CORE, Admission, PluginRecord, named_to_be_left_out
from lockhouse.core import Core, Environments, StepRunner
from lockhouse.discovery import Candidate
from lockhouse.environments import EnvironmentProvider
from lockhouse.errors import Hint, LockhouseError, UsageError
from lockhouse.events import Emit, Event, Message, discard
from lockhouse.guards import (
    DISABLE_VARIABLE,
    GuardedAccelerator,
    GuardedAudit,
    GuardedProvider,
    MissingRules,
    guarded_step,
)
from lockhouse.hookspecs import ANSWER_LIMIT
from lockhouse.hooktrace import Trace, outcome_of
from lockhouse.isolation import RUN_STEP, answer_of, guarded_step_hook, new_manager
from lockhouse.listeners import EVENT, Listeners
from lockhouse.manifest import Check
from lockhouse.patience import Overrun
from lockhouse.steps import Context, Step
from lockhouse.vetting import describe_error, mismatch

if TYPE_CHECKING:
    from lockhouse.audits import Audit
    from lockhouse.host import Host
    from lockhouse.plan import Plan

__all__ = ["DISABLE_VARIABLE", "PluginRecord", "Plugins"]

AUDITS = "lockhouse_audits"
OWN = frozenset({CORE, "environments"})
"""What lockhouse gives without being asked through an entry point; of it exceptions are defects."""

T = TypeVar("T")


class Plugins:
    """The active plugins, asked through one method per hook. Order: the core, built-ins, strangers by name.

    Strangers have time limits. Built-in plugins have none, as lockhouse itself has none: without strangers no thread is
    started.
    """

    def __init__(
        self,
        candidates: Iterable[Candidate],
        emit: Emit = discard,
        disabled: Iterable[str] = (),
    ) -> None:
        self._emit = emit
        self._reported: dict[tuple[str, str, str], None] = {}
        self._accelerators: tuple[Accelerator, ...] | None = None
        self._trace = Trace(emit, self.source, OWN)
        self._admission = Admission(emit, self._trace, disabled)
        for candidate in (_own(CORE, Core), _own("environments", Environments), *candidates):
            if candidate.origin != "built-in":
                interruption.have_guests()
            self._admission.admit(candidate)
        self._admission.tell_of_unknown()
        self._patience = self._admission.patience
        self._hooks: dict[str, list[pluggy.HookImpl]] = {}
        for implementations in self._admission.implementations.values():
            for hook, implementation in implementations.items():
                self._hooks.setdefault(hook, []).append(implementation)
        for hooks in self._hooks.values():
            hooks.sort(key=lambda hook: (not hook.tryfirst, hook.trylast))
        self._runners = self._chain_of_runners()
        self._listeners = Listeners(
            self._hooks.get(EVENT, ()),
            lambda plugin: self._admission.records[plugin].origin == "built-in",
            lambda plugin, problem: self._report(plugin, EVENT, problem),
            self._trace,
        )

    @classmethod
    def load(cls, project_plugins: Path | None = None, emit: Emit = discard) -> Plugins:
        """Load the core's own, what is installed, and the files of a project's plugin folder.

        Raises UsageError where something is to be left out that cannot be.
        """
        disabled = named_to_be_left_out()
        candidates = list(discovery.entry_point_plugins())
        if project_plugins is not None:
            candidates += discovery.project_plugins(project_plugins)
        return cls(candidates, emit, disabled)

    @property
    def records(self) -> tuple[PluginRecord, ...]:
        """What became of every plugin that was found, the core first, with what was wrong with it so far."""
        problems: dict[str, list[str]] = {}
        for plugin, hook, problem in self._reported:
            problems.setdefault(plugin, []).append(f"{hook}: {problem}")
        return tuple(
            replace(record, reason="; ".join(problems[record.name])) if record.name in problems else record
            for record in self._admission.records.values()
        )

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the active plugins by name, ``lockhouse`` itself first, which stands for all of its own."""
        return {
            record.name: record.version
            for record in self._admission.records.values()
            if record.status == "active" and (record.name == CORE or record.name not in OWN)
        }

    def source(self, plugin: str) -> str:
        """Name a plugin with the version of what it came with: ``desk 2.5 (help-desk)``."""
        return self._admission.records[plugin].source

    def examine(self) -> None:
        """Ask for what plugins give to every project, so that it is known what is wrong with it."""
        self.accelerators()
        self.environments()
        self.audits()

    def accelerators(self) -> tuple[Accelerator, ...]:
        """Every accelerator, one per namespace; of two that claim the same one the first stays."""
        if self._accelerators is None:
            hook = "lockhouse_accelerators"
            answers = self._collect(hook, Accelerator, {})  # type: ignore[type-abstract]
            guarded = []
            for plugin, item in answers:
                report = partial(self._report, plugin, hook)
                try:
                    guarded.append((plugin, GuardedAccelerator(self._patience[plugin], item, report)))
                except Exception as error:  # noqa: BLE001  properties of a stranger's that raise now and then
                    report(f"gave a {type(item).__name__} that raised {describe_error(error)}")
            unique = self._unique(hook, guarded, lambda accelerator: accelerator.namespace)
            self._accelerators = tuple(accelerator for _, accelerator in unique)
        return self._accelerators

    def environments(self) -> dict[str, EnvironmentProvider]:
        """Providers of environments by name; of two with the same name the first stays."""
        hook = "lockhouse_environments"
        answers = self._collect(hook, EnvironmentProvider, {})  # type: ignore[type-abstract]
        guarded: list[tuple[str, EnvironmentProvider]] = [
            (plugin, item if plugin in OWN else GuardedProvider(self._patience[plugin], item))
            for plugin, item in answers
        ]
        unique = self._unique(hook, guarded, lambda provider: provider.name)
        return {provider.name: provider for _, provider in unique}

    def environment(self, name: str) -> EnvironmentProvider:
        """The provider of environments of that name; raises UsageError that names those there are."""
        providers = self.environments()
        if name not in providers:
            raise UsageError(
                f"no plugin provides environments of the kind {name!r}",
                cause=f"there are {', '.join(sorted(providers)) or 'none'}",
                hints=[Hint("choose-provider", "correct python.provider, or install the plugin that gives it")],
            )
        return providers[name]

    def audits(self) -> tuple[Audit, ...]:
        """Rules of the scan; for those that a plugin was to give and that cannot be asked, one that refuses."""
        from lockhouse.audits import Audit  # brings the whole scan along

        answers = self._collect(AUDITS, Audit, {})  # type: ignore[type-abstract]
        guarded: list[tuple[str, Audit]] = [
            (plugin, item if plugin in OWN else GuardedAudit(self._patience[plugin], item)) for plugin, item in answers
        ]
        unique = self._unique(AUDITS, guarded, lambda audit: audit.name)
        missing: dict[str, Audit] = {
            plugin: MissingRules(plugin, problem) for plugin, hook, problem in tuple(self._reported) if hook == AUDITS
        }
        return (*(audit for _, audit in unique), *(missing[plugin] for plugin in sorted(missing)))

    def steps(self, plan: Plan | None) -> tuple[Step, ...]:
        """Steps that plugins add or put in place of others; how they fit together is the pipeline's business."""
        answers = self._collect("lockhouse_steps", Step, {"plan": plan})
        return tuple(guarded_step(plugin, step, partial(self._report, plugin, step.name)) for plugin, step in answers)

    def checks(self, plan: Plan, host: Host) -> tuple[Check, ...]:
        """Checks that plugins add to those of manifest and accelerator."""
        return tuple(check for _, check in self._collect("lockhouse_checks", Check, {"plan": plan, "host": host}))

    def build_settings(self, requirement: str, host: Host) -> dict[str, str]:
        """Environment variables for a source build; of two values for the same variable the first stays."""
        hook = "lockhouse_build_settings"
        settings: dict[str, tuple[str, str]] = {}
        for plugin, answer in self._ask(hook, {"requirement": requirement, "host": host}):
            if not isinstance(answer, Mapping):
                self._report(plugin, hook, f"gave a {type(answer).__name__}, not a mapping")
                continue
            for variable, value in answer.items():
                first, giver = settings.setdefault(str(variable), (str(value), plugin))
                if first != str(value):
                    self._report(
                        plugin, hook, f"gave {variable}={value}, which {self.source(giver)} has set to {first}"
                    )
        return {variable: value for variable, (value, _) in settings.items()}

    def hints(self, error: LockhouseError) -> tuple[Hint, ...]:
        """Advice on an error."""
        return tuple(hint for _, hint in self._collect("lockhouse_hints", Hint, {"error": error}))

    def event(self, event: Event) -> None:
        """Pass an event on to every plugin that listens; a stranger hears it soon, in a thread of its own."""
        self._listeners.tell(event)

    def close(self) -> None:
        """Wait, within limits, until every plugin has heard of all events. Warnings may come of it."""
        self._listeners.close()

    def run_step(self, step: Step, context: Context) -> None:
        """Run a step through the plugins: whoever takes it over, else the step itself, with wrappers around.

        The step's own errors arrive unchanged; what a plugin does wrong on the way is a PluginError that names it.
        """
        self._runners.hook.lockhouse_run_step(step=step, context=context)

    def _chain_of_runners(self) -> pluggy.PluginManager:
        """Have pluggy call, as everybody else does, the first by name first: it goes from the last to the first."""
        chain = new_manager()
        for implementation in reversed(self._hooks.get(RUN_STEP, ())):
            plugin = implementation.plugin_name
            trace = partial(self._trace.called, plugin, RUN_STEP)
            if plugin != CORE:
                chain.register(guarded_step_hook(implementation, trace), name=plugin)
        # Of those that want to be last the one registered last is: nobody comes after the core.
        chain.register(StepRunner(), name=CORE)
        return chain

    def _ask(self, hook: str, arguments: Mapping[str, object]) -> list[tuple[str, Any]]:
        """Call a hook plugin by plugin; answers with their givers, without those that raised or had nothing."""
        answers = []
        for implementation in self._hooks.get(hook, ()):
            plugin = implementation.plugin_name
            started = time.perf_counter()
            try:
                answer = self._patience[plugin].call(partial(answer_of, implementation, arguments), ANSWER_LIMIT)
            except Exception as error:
                if plugin in OWN:
                    raise
                problem = str(error) if isinstance(error, Overrun) else f"raised {describe_error(error)}"
                self._trace.called(plugin, hook, started, problem)
                self._report(plugin, hook, problem)
            else:
                self._trace.called(plugin, hook, started, outcome_of(answer))
                if answer is not None:
                    answers.append((plugin, answer))
        return answers

    def _collect(self, hook: str, kind: type[T], arguments: Mapping[str, object]) -> list[tuple[str, T]]:
        """Call a hook whose answers are iterables of ``kind``; what is of another kind is reported and left out."""
        found: list[tuple[str, T]] = []
        for plugin, answer in self._ask(hook, arguments):
            if not isinstance(answer, list):
                self._report(plugin, hook, f"gave a {type(answer).__name__}, not an iterable of {kind.__name__}")
                continue
            for item in answer:
                if problem := mismatch(item, kind):
                    self._report(plugin, hook, problem)
                else:
                    found.append((plugin, item))
        return found

    def _unique(
        self, hook: str, answers: Iterable[tuple[str, T]], key: Callable[[T], str | None]
    ) -> list[tuple[str, T]]:
        """Keep the first of those with the same key, and say whose the others are; None is no key."""
        givers: dict[str, str] = {}
        kept = []
        for plugin, item in answers:
            name = key(item)
            if name is not None and name in givers:
                self._report(plugin, hook, f"gave {name!r}, which plugin {self.source(givers[name])} gives already")
                continue
            if name is not None:
                givers[name] = plugin
            kept.append((plugin, item))
        return kept

    def _report(self, plugin: str, hook: str, problem: str) -> None:
        """Warn once about each thing: a listener that fails would otherwise fail again on the warning itself."""
        key = (plugin, hook, problem)
        if key not in self._reported:
            self._reported[key] = None
            self._emit(Message(level="warning", text=f"plugin {self.source(plugin)}: {hook}: {problem}; left out"))


def _own(name: str, load: Callable[[], object]) -> Candidate:
    return Candidate(name=name, version=lockhouse.__version__, distribution=CORE, origin="built-in", load=load)
