"""The plugins of a run: loaded one by one, listed, and asked.

With :mod:`lockhouse.hookspecs` the only module that knows pluggy. A plugin that cannot be loaded, or raises when asked,
is named in a record and a warning, and left out; the others go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pluggy

import lockhouse
from lockhouse import discovery
from lockhouse.accelerators import Accelerator
from lockhouse.core import Core, StepRunner
from lockhouse.discovery import Candidate, Origin
from lockhouse.environments import EnvironmentProvider
from lockhouse.errors import Hint, InternalError, LockhouseError, UsageError
from lockhouse.events import Emit, Event, Message, discard
from lockhouse.guards import (
    GuardedAccelerator,
    GuardedAudit,
    GuardedProvider,
    MissingRules,
    describe_error,
    guarded_step,
    mismatch,
)
from lockhouse.hookspecs import ANSWER_LIMIT
from lockhouse.isolation import RUN_STEP, NotAPlugin, guarded_step_hook, implementations_of, new_manager
from lockhouse.manifest import Check
from lockhouse.patience import Audience, Overrun, Patience
from lockhouse.steps import Context, Step

if TYPE_CHECKING:
    from lockhouse.audits import Audit
    from lockhouse.host import Host
    from lockhouse.plan import Plan

__all__ = ["DISABLE_VARIABLE", "PluginRecord", "Plugins"]

DISABLE_VARIABLE = "LOCKHOUSE_DISABLE_PLUGINS"
"""Names of plugins that are not loaded, separated by commas."""

CORE = "lockhouse"
AUDITS = "lockhouse_audits"
EVENT = "lockhouse_event"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRecord:
    """What became of one plugin; ``error`` says why it is not active."""

    name: str
    version: str
    distribution: str
    origin: Origin
    hooks: tuple[str, ...]
    status: Literal["active", "failed", "disabled"]
    error: str | None = None


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
        self._patience: dict[str, Patience] = {}
        self._audiences: dict[str, Audience] = {}
        self._reported: set[tuple[str, str, str]] = set()
        self._hooks: dict[str, list[pluggy.HookImpl]] = {}
        self._runners = new_manager()
        self._accelerators: tuple[Accelerator, ...] | None = None
        hidden = set(disabled) - {CORE}
        self._records: dict[str, PluginRecord] = {}
        core = Candidate(
            name=CORE, version=lockhouse.__version__, distribution=CORE, origin="built-in", load=lambda: Core()
        )
        for candidate in (core, *candidates):
            name = self._free_name(candidate)
            self._patience[name] = Patience(name, limited=candidate.origin != "built-in")
            self._records[name] = self._admit(replace(candidate, name=name), name in hidden)
        # Of those that want to be last the one registered last is: nobody comes after the core.
        self._runners.register(StepRunner(), name=CORE)

    @classmethod
    def load(cls, project_plugins: Path | None = None, emit: Emit = discard) -> Plugins:
        """Load the core's own, what is installed, and the files of a project's plugin folder."""
        candidates = list(discovery.entry_point_plugins())
        if project_plugins is not None:
            candidates += discovery.project_plugins(project_plugins)
        disabled = os.environ.get(DISABLE_VARIABLE, "").split(",")
        return cls(candidates, emit, [name.strip() for name in disabled])

    @property
    def records(self) -> tuple[PluginRecord, ...]:
        """What became of every plugin that was found, the core first."""
        return tuple(self._records.values())

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the active plugins by name, ``lockhouse`` itself first."""
        return {record.name: record.version for record in self.records if record.status == "active"}

    def accelerators(self) -> tuple[Accelerator, ...]:
        """Every accelerator, one per namespace; of two that claim the same one the first stays."""
        if self._accelerators is None:
            hook = "lockhouse_accelerators"
            answers = self._collect(hook, Accelerator, {})  # type: ignore[type-abstract]
            guarded = [(plugin, GuardedAccelerator(self._patience[plugin], item)) for plugin, item in answers]
            unique = self._unique(hook, guarded, lambda accelerator: accelerator.namespace)
            self._accelerators = tuple(accelerator for _, accelerator in unique)
        return self._accelerators

    def environments(self) -> dict[str, EnvironmentProvider]:
        """Providers of environments by name; of two with the same name the first stays."""
        hook = "lockhouse_environments"
        answers = self._collect(hook, EnvironmentProvider, {})  # type: ignore[type-abstract]
        guarded: list[tuple[str, EnvironmentProvider]] = [
            (plugin, item if plugin == CORE else GuardedProvider(self._patience[plugin], item))
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
            (plugin, item if plugin == CORE else GuardedAudit(self._patience[plugin], item)) for plugin, item in answers
        ]
        unique = self._unique(AUDITS, guarded, lambda audit: audit.name)
        missing: dict[str, Audit] = {
            plugin: MissingRules(plugin, problem) for plugin, hook, problem in tuple(self._reported) if hook == AUDITS
        }
        return (*(audit for _, audit in unique), *(missing[plugin] for plugin in sorted(missing)))

    def steps(self, plan: Plan | None) -> tuple[Step, ...]:
        """Steps that plugins add or put in place of built-in ones; of two for the same place the first stays."""
        hook = "lockhouse_steps"
        answers = self._unique(hook, self._collect(hook, Step, {"plan": plan}), lambda step: step.name)
        unique = self._unique(hook, answers, lambda step: step.replaces)
        return tuple(guarded_step(plugin, step, partial(self._report, plugin, step.name)) for plugin, step in unique)

    def checks(self, plan: Plan, host: Host) -> tuple[Check, ...]:
        """Checks that plugins add to those of manifest and accelerator."""
        return tuple(check for _, check in self._collect("lockhouse_checks", Check, {"plan": plan, "host": host}))

    def build_settings(self, requirement: str, host: Host) -> dict[str, str]:
        """Environment variables for a source build; of two values for the same variable the first stays."""
        settings: dict[str, str] = {}
        for plugin, answer in self._ask("lockhouse_build_settings", {"requirement": requirement, "host": host}):
            if not isinstance(answer, Mapping):
                self._report(plugin, "lockhouse_build_settings", f"gave a {type(answer).__name__}, not a mapping")
                continue
            for variable, value in answer.items():
                if settings.setdefault(str(variable), str(value)) != str(value):
                    self._report(plugin, "lockhouse_build_settings", f"another plugin has already set {variable}")
        return settings

    def hints(self, error: LockhouseError) -> tuple[Hint, ...]:
        """Advice on an error."""
        return tuple(hint for _, hint in self._collect("lockhouse_hints", Hint, {"error": error}))

    def event(self, event: Event) -> None:
        """Pass an event on to every plugin that listens; a stranger hears it soon, in a thread of its own."""
        for implementation in self._hooks.get(EVENT, ()):
            plugin = implementation.plugin_name
            if self._records[plugin].origin == "built-in":
                self._hear(implementation, event)
                continue
            if plugin not in self._audiences:
                give_up = partial(self._report, plugin, EVENT)
                self._audiences[plugin] = Audience(partial(self._hear, implementation), ANSWER_LIMIT, give_up)
            self._audiences[plugin].tell(event)

    def close(self) -> None:
        """Wait, within limits, until every plugin has heard of all events. Warnings may come of it."""
        for audience in self._audiences.values():
            audience.close()

    def run_step(self, step: Step, context: Context) -> None:
        """Run a step through the plugins: whoever takes it over, else the step itself, with wrappers around.

        The step's own errors arrive unchanged; what a plugin does wrong on the way is a PluginError that names it.
        """
        self._runners.hook.lockhouse_run_step(step=step, context=context)

    def _free_name(self, candidate: Candidate) -> str:
        """Two strangers may both have called their plugin "main": both work, and the second bears its full name."""
        name = candidate.name
        while name in self._records:
            name = f"{candidate.distribution}:{name}"
        return name

    def _admit(self, candidate: Candidate, disabled: bool) -> PluginRecord:
        def record(status: Literal["active", "failed", "disabled"], error: str | None, *hooks: str) -> PluginRecord:
            return PluginRecord(
                name=candidate.name,
                version=candidate.version,
                distribution=candidate.distribution,
                origin=candidate.origin,
                hooks=tuple(sorted(hooks)),
                status=status,
                error=error,
            )

        if disabled:
            return record("disabled", f"named in {DISABLE_VARIABLE}")
        try:
            implementations = self._patience[candidate.name].call(
                lambda: implementations_of(candidate.load(), candidate.name), ANSWER_LIMIT
            )
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit at import, and whatever else a stranger's module raises
            if candidate.origin == "built-in":
                raise InternalError(f"{candidate.name} cannot be loaded", cause=describe_error(error)) from error
            problem = str(error) if isinstance(error, NotAPlugin) else describe_error(error)
            source = f"{candidate.name} {candidate.version} ({candidate.distribution})"
            self._emit(Message(level="warning", text=f"plugin {source} is left out: {problem}"))
            return record("failed", problem)
        for name, implementation in implementations.items():
            if name == RUN_STEP:
                self._runners.register(guarded_step_hook(implementation), name=candidate.name)
            else:
                hooks = self._hooks.setdefault(name, [])
                hooks.append(implementation)
                hooks.sort(key=lambda hook: (not hook.tryfirst, hook.trylast))
        return record("active", None, *implementations)

    def _ask(self, hook: str, arguments: Mapping[str, object]) -> list[tuple[str, Any]]:
        """Call a hook plugin by plugin; answers with their givers, without those that raised or had nothing."""
        answers = []
        for implementation in self._hooks.get(hook, ()):
            plugin = implementation.plugin_name
            try:
                answer = self._patience[plugin].call(partial(_answer, implementation, arguments), ANSWER_LIMIT)
            except Overrun as error:
                self._report(plugin, hook, str(error))
            except (Exception, SystemExit) as error:
                if plugin == CORE:
                    raise
                self._report(plugin, hook, f"raised {describe_error(error)}")
            else:
                if answer is not None:
                    answers.append((plugin, answer))
        return answers

    def _hear(self, implementation: pluggy.HookImpl, event: Event) -> None:
        try:
            _answer(implementation, {"event": event})
        except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's code
            self._report(implementation.plugin_name, EVENT, f"raised {describe_error(error)}")

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
                self._report(plugin, hook, f"gave {name!r}, which plugin {self._source(givers[name])} gives already")
                continue
            if name is not None:
                givers[name] = plugin
            kept.append((plugin, item))
        return kept

    def _source(self, plugin: str) -> str:
        return f"{plugin} {self._records[plugin].version}"

    def _report(self, plugin: str, hook: str, problem: str) -> None:
        """Warn once about each thing: a listener that fails would otherwise fail again on the warning itself."""
        key = (plugin, hook, problem)
        if key not in self._reported:
            self._reported.add(key)
            self._emit(Message(level="warning", text=f"plugin {self._source(plugin)}: {hook}: {problem}; left out"))


def _answer(implementation: pluggy.HookImpl, arguments: Mapping[str, object]) -> object:
    """Call one plugin's hook and read its answer to the end: a generator raises, or takes its time, when it is read."""
    answer = implementation.function(*[arguments[name] for name in implementation.argnames])
    return list(answer) if isinstance(answer, Iterable) and not isinstance(answer, str | Mapping) else answer
