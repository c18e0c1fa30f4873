"""The plugins of a run: loaded one by one, listed, and asked.

With :mod:`lockhouse.hookspecs` the only module that knows pluggy. A plugin that cannot be loaded, or raises when asked,
is named in a record and a warning, and left out; the others go on.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import pluggy

import lockhouse
from lockhouse import discovery, hookspecs
from lockhouse.accelerators import Accelerator
from lockhouse.discovery import Candidate, Origin
from lockhouse.environments import EnvironmentProvider
from lockhouse.errors import Hint, InternalError, LockhouseError
from lockhouse.events import Emit, Event, Message, discard
from lockhouse.hookspecs import PREFIX, hookimpl
from lockhouse.isolation import (
    GuardedAccelerator,
    NotAPlugin,
    describe_error,
    guarded_runner,
    guarded_wrapper,
    mismatch,
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

RUN_STEP = "lockhouse_run_step"
CORE = "lockhouse"
NAMESPACE = re.compile(r"[a-z][a-z0-9_-]*")
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
        self._manager = _manager()
        self._accelerators: tuple[Accelerator, ...] | None = None
        hidden = set(disabled)
        self._records: dict[str, PluginRecord] = {}
        core = Candidate(
            name=CORE, version=lockhouse.__version__, distribution=CORE, origin="built-in", load=lambda: _Core()
        )
        for candidate in (core, *candidates):
            name = self._free_name(candidate)
            self._records[name] = self._admit(replace(candidate, name=name), name in hidden)

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
            answers = self._collect("lockhouse_accelerators", Accelerator, {})  # type: ignore[type-abstract]
            unique = self._unique("lockhouse_accelerators", self._walled(answers), lambda item: item.namespace)
            self._accelerators = tuple(guarded for _, guarded in unique)
        return self._accelerators

    def environments(self) -> dict[str, EnvironmentProvider]:
        """Providers of environments by name; of two with the same name the first stays."""
        hook = "lockhouse_environments"
        answers = self._collect(hook, EnvironmentProvider, {})  # type: ignore[type-abstract]
        unique = self._unique(hook, answers, lambda provider: provider.name)
        return {provider.name: provider for _, provider in unique}

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
        self._manager.hook.lockhouse_run_step(step=step, context=context)

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
            implementations = _implementations(candidate.load(), candidate.name)
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
            if name == RUN_STEP and candidate.name == CORE:
                self._manager.register(SimpleNamespace(lockhouse_run_step=implementation.function), name=CORE)
            elif name == RUN_STEP:
                self._manager.register(_step_hook(implementation), name=candidate.name)
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
                problem = mismatch(item, kind)
                if problem is None:
                    found.append((plugin, item))
                else:
                    self._report(plugin, hook, problem)
        return found

    def _walled(self, answers: Iterable[tuple[str, Accelerator]]) -> list[tuple[str, GuardedAccelerator]]:
        hook = "lockhouse_accelerators"
        walled = []
        for plugin, accelerator in answers:
            try:
                guarded = GuardedAccelerator(plugin, accelerator)
            except Exception as error:  # noqa: BLE001  a stranger's properties
                self._report(plugin, hook, f"raised {describe_error(error)}")
                continue
            if not NAMESPACE.fullmatch(str(guarded.namespace)):
                self._report(plugin, hook, f"gave the namespace {guarded.namespace!r}, which is no [a-z][a-z0-9_-]*")
                continue
            walled.append((plugin, guarded))
        return walled

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

    @hookimpl(trylast=True)
    def lockhouse_run_step(self, step: Step, context: Context) -> bool:
        """Run the step."""
        try:
            step.run(context)
        except StopIteration as error:  # a generator, and so a wrapper, can have none thrown into it (PEP 479)
            raise InternalError(f"step {step.name} failed", cause=describe_error(error)) from error
        return True


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(PREFIX)
    manager.add_hookspecs(hookspecs)
    return manager


def _implementations(plugin: object, name: str) -> dict[str, pluggy.HookImpl]:
    """Validate a plugin against the hooks, in a manager of its own so that a fault can be nobody else's."""
    if isinstance(plugin, type):
        raise NotAPlugin(f"it is the class {plugin.__name__}; register an instance or a module")
    manager = _manager()
    try:
        manager.register(plugin, name=name)
    except pluggy.PluginValidationError as error:
        raise NotAPlugin(" ".join(str(error).split())) from error
    found = {}
    for hook, caller in vars(manager.hook).items():
        for implementation in caller.get_hookimpls() if not hook.startswith("_") else ():
            if not caller.has_spec():
                if implementation.optionalhook:
                    continue
                near = difflib.get_close_matches(hook, [spec for spec in vars(hookspecs) if spec.startswith(PREFIX)], 1)
                advice = f"; did you mean {near[0]}?" if near else ""
                raise NotAPlugin(f"there is no hook {hook}{advice}")
            if implementation.hookwrapper or (implementation.wrapper and hook != RUN_STEP):
                raise NotAPlugin(f"{hook}: only {RUN_STEP} can be wrapped, with hookimpl(wrapper=True)")
            if hook in found:
                raise NotAPlugin(f"it implements {hook} twice")
            found[hook] = implementation
    if not found:
        unmarked = [item for item in dir(plugin) if item.startswith(f"{PREFIX}_")]
        raise NotAPlugin(f"{unmarked[0]} is not marked with hookimpl" if unmarked else "it implements no hook")
    return found


def _step_hook(implementation: pluggy.HookImpl) -> object:
    """Put a plugin's ``lockhouse_run_step`` behind a wall, with the same options."""

    def call(step: Step, context: Context) -> object:
        arguments = {"step": step, "context": context}
        return implementation.function(*[arguments[name] for name in implementation.argnames])

    guard = guarded_wrapper if implementation.wrapper else guarded_runner
    mark = hookimpl(wrapper=implementation.wrapper, tryfirst=implementation.tryfirst, trylast=implementation.trylast)
    return SimpleNamespace(lockhouse_run_step=mark(guard(implementation.plugin_name, call)))
