"""The plugins of a run: loaded one by one, listed, and asked.

With :mod:`lockhouse.hookspecs` the only module that knows pluggy. A plugin that cannot be loaded, or raises when asked,
is named in a record and a warning, and left out; the others go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import pluggy

import lockhouse
from lockhouse import discovery
from lockhouse.accelerators import Accelerator
from lockhouse.discovery import Candidate, Origin
from lockhouse.environments import EnvironmentProvider
from lockhouse.errors import Hint, InternalError, LockhouseError, UsageError
from lockhouse.events import Emit, Event, Message, discard
from lockhouse.hookspecs import hookimpl
from lockhouse.isolation import (
    RUN_STEP,
    GuardedAccelerator,
    NotAPlugin,
    describe_error,
    guarded_step_hook,
    implementations_of,
    mismatch,
    new_manager,
)
from lockhouse.manifest import Check
from lockhouse.steps import Context, Step

if TYPE_CHECKING:
    from lockhouse.audits import Audit
    from lockhouse.host import Host
    from lockhouse.plan import Plan

__all__ = ["DISABLE_VARIABLE", "PluginRecord", "Plugins"]

DISABLE_VARIABLE = "LOCKHOUSE_DISABLE_PLUGINS"
"""Names of plugins that are not loaded, separated by commas."""

CORE = "lockhouse"
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
    """The active plugins, asked through one method per hook. Order: the core, built-ins, strangers by name."""

    def __init__(self, candidates: Iterable[Candidate], emit: Emit = discard, disabled: Iterable[str] = ()) -> None:
        self._emit = emit
        self._reported: set[tuple[str, str, str]] = set()
        self._hooks: dict[str, list[pluggy.HookImpl]] = {}
        self._runners = new_manager()
        self._accelerators: tuple[Accelerator, ...] | None = None
        hidden = set(disabled) - {CORE}
        self._records: dict[str, PluginRecord] = {}
        core = Candidate(
            name=CORE, version=lockhouse.__version__, distribution=CORE, origin="built-in", load=lambda: _Core()
        )
        for candidate in (core, *candidates):
            name = self._free_name(candidate)
            self._records[name] = self._admit(replace(candidate, name=name), name in hidden)
        # Of those that want to be last the one registered last is: nobody comes after the core.
        self._runners.register(_StepRunner(), name=CORE)

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
            guarded = [(plugin, GuardedAccelerator(plugin, accelerator)) for plugin, accelerator in answers]
            unique = self._unique(hook, guarded, lambda accelerator: accelerator.namespace)
            self._accelerators = tuple(accelerator for _, accelerator in unique)
        return self._accelerators

    def environments(self) -> dict[str, EnvironmentProvider]:
        """Providers of environments by name; of two with the same name the first stays."""
        hook = "lockhouse_environments"
        answers = self._collect(hook, EnvironmentProvider, {})  # type: ignore[type-abstract]
        unique = self._unique(hook, answers, lambda provider: provider.name)
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
        """Rules of the scan; of two with the same name the first stays."""
        from lockhouse.audits import Audit  # brings the whole scan along

        hook = "lockhouse_audits"
        answers = self._collect(hook, Audit, {})  # type: ignore[type-abstract]
        return tuple(audit for _, audit in self._unique(hook, answers, lambda audit: audit.name))

    def steps(self, plan: Plan | None) -> tuple[Step, ...]:
        """Steps that plugins add or put in place of built-in ones; of two for the same place the first stays."""
        hook = "lockhouse_steps"
        answers = self._unique(hook, self._collect(hook, Step, {"plan": plan}), lambda step: step.name)
        return tuple(step for _, step in self._unique(hook, answers, lambda step: step.replaces))

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
        """Pass an event on to every plugin that listens."""
        self._ask("lockhouse_event", {"event": event})

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
            implementations = implementations_of(candidate.load(), candidate.name)
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
            try:
                answer = implementation.function(*[arguments[name] for name in implementation.argnames])
                if isinstance(answer, Iterable) and not isinstance(answer, str | Mapping):
                    answer = list(cast("Iterable[object]", answer))  # a generator raises when it is read
            except (Exception, SystemExit) as error:
                if implementation.plugin_name == CORE:
                    raise
                self._report(implementation.plugin_name, hook, f"raised {describe_error(error)}")
            else:
                if answer is not None:
                    answers.append((implementation.plugin_name, answer))
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


class _Core:
    """What lockhouse itself gives, through the same hooks; imported when it is asked for."""

    @hookimpl
    def lockhouse_environments(self) -> Iterable[EnvironmentProvider]:
        """Give the built-in environment providers."""
        from lockhouse.environments.builtin import lockhouse_environments

        return lockhouse_environments()

    @hookimpl
    def lockhouse_audits(self) -> Iterable[Audit]:
        """Give the built-in rules of the scan."""
        from lockhouse.audits.builtin import lockhouse_audits

        return lockhouse_audits()


class _StepRunner:
    """How a step runs when no plugin takes it over."""

    @hookimpl(trylast=True)
    def lockhouse_run_step(self, step: Step, context: Context) -> bool:
        """Run the step."""
        try:
            step.run(context)
        except StopIteration as error:  # a generator, and so a wrapper, can have none thrown into it (PEP 479)
            raise InternalError(f"step {step.name} failed", cause=describe_error(error)) from error
        return True
