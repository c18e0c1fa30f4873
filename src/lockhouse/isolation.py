"""Walls around plugins: what one of them does wrong bears its name and stays with it.

A plugin is held against the hooks alone, in a manager of its own; its accelerators and its hold on steps are guarded.
Where plugins come from and when they are asked is the business of :mod:`lockhouse.plugins`.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import NoReturn, TypeVar

import pluggy

from lockhouse import hookspecs
from lockhouse.accelerators import Accelerator, Question, Support
from lockhouse.codec import decode, encode
from lockhouse.errors import Hint, LockhouseError, PluginError
from lockhouse.hookspecs import PREFIX, hookimpl
from lockhouse.host import AcceleratorReading, Host, Probe
from lockhouse.manifest import Check
from lockhouse.steps import Context, Step

__all__ = [
    "RUN_STEP",
    "GuardedAccelerator",
    "NotAPlugin",
    "describe_error",
    "guarded_step_hook",
    "implementations_of",
    "mismatch",
    "new_manager",
]

RUN_STEP = "lockhouse_run_step"
NAMESPACE = re.compile(r"[a-z][a-z0-9_-]*")
T = TypeVar("T")
Runner = Callable[[Step, Context], bool | None]
Wrapper = Callable[[Step, Context], Generator[None, object, object]]


class NotAPlugin(Exception):
    """What was loaded as a plugin cannot be used; the text says why."""


def describe_error(error: BaseException) -> str:
    """Tell an exception in one line: its kind and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _blame(plugin: str, deed: str, error: BaseException) -> NoReturn:
    """Raise what a plugin's exception means to lockhouse.

    An error that the plugin raised on purpose keeps its class and exit status; an interruption is nobody's fault.
    """
    if isinstance(error, LockhouseError):
        error.add_note(f"raised by plugin {plugin}")
        raise error
    if not isinstance(error, Exception | SystemExit):
        raise error
    raise PluginError(
        plugin,
        f"plugin {plugin} failed: {deed}",
        cause=describe_error(error),
        hints=[Hint("disable-plugin", f"run without it: set LOCKHOUSE_DISABLE_PLUGINS={plugin}, and tell its author")],
    ) from error


def mismatch(item: object, kind: type) -> str | None:
    """Say why an item is no ``kind``, or None if it is one; for a Protocol name what is missing.

    Whatever serves as its key (``name``, ``namespace``) must be a text; an accelerator's goes into names of files.
    """
    try:
        if not isinstance(item, kind):
            text = f"gave a {type(item).__name__}, not a {kind.__name__}"
            wanted = vars(kind) if getattr(kind, "_is_protocol", False) else ()
            missing = [name for name in sorted(wanted) if not name.startswith("_") and not hasattr(item, name)]
            return f"{text}: it has no {', '.join(missing)}" if missing else text
        key = getattr(item, "namespace", getattr(item, "name", ""))
        if not isinstance(key, str):
            return f"gave a {type(item).__name__} whose name is a {type(key).__name__}"
        if isinstance(item, Accelerator):
            if not NAMESPACE.fullmatch(key):
                return f"gave the namespace {key!r}, which is not {NAMESPACE.pattern}"
            frozenset(item.family), frozenset(item.labelled)
    except Exception as error:  # noqa: BLE001  a stranger's properties
        return f"gave a {type(item).__name__} that raised {describe_error(error)}"
    return None


class GuardedAccelerator:
    """An accelerator of a plugin, whose exceptions name the plugin.

    Where a variant is being chosen, one that cannot be judged is not supported, with the reason; where the answer is
    needed to go on, a PluginError is raised.
    """

    def __init__(self, plugin: str, accelerator: Accelerator) -> None:
        self.plugin = plugin
        self.accelerator = accelerator
        self.namespace = accelerator.namespace
        self.family = frozenset(accelerator.family)
        self.labelled = frozenset(accelerator.labelled)

    def __repr__(self) -> str:
        return f"<accelerator {self.namespace} of plugin {self.plugin}>"

    def questions(self) -> Sequence[Question]:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        return self._ask("questions", lambda: _questions(self.accelerator.questions()))

    def fingerprint(self) -> str:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        return self._ask("fingerprint", lambda: str(self.accelerator.fingerprint()))

    def read(self, answers: Mapping[str, Probe]) -> AcceleratorReading:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        return self._ask("read", lambda: _kept(self.accelerator.read(answers)))

    def claims(self, variant: str) -> bool:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        try:
            return bool(self.accelerator.claims(variant))
        except Exception:  # noqa: BLE001  a stranger's code: what it cannot judge it does not claim
            return False

    def support(self, variant: str, reading: AcceleratorReading, host: Host) -> Support:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        try:
            support = self.accelerator.support(variant, reading, host)
        except Exception as error:  # noqa: BLE001  a stranger's code
            reason = f"plugin {self.plugin} could not judge it: {describe_error(error)}"
            return Support(supported=False, reason=reason)
        if not isinstance(support, Support):
            reason = f"plugin {self.plugin} gave a {type(support).__name__} for an answer"
            return Support(supported=False, reason=reason)
        return support

    def index_url(self, variant: str) -> str | None:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        return self._ask("index_url", lambda: self.accelerator.index_url(variant))

    def label(self, variant: str, host: Host) -> str | None:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        return self._ask("label", lambda: self.accelerator.label(variant, host))

    def checks(self, variant: str, reading: AcceleratorReading) -> Sequence[Check]:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        return self._ask("checks", lambda: tuple(self.accelerator.checks(variant, reading)))

    def build_settings(self, distribution: str, reading: AcceleratorReading) -> Mapping[str, str]:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        return self._ask("build_settings", lambda: dict(self.accelerator.build_settings(distribution, reading)))

    def _ask(self, method: str, answer: Callable[[], T]) -> T:
        try:
            return answer()
        except Exception as error:  # noqa: BLE001  a stranger's code
            _blame(self.plugin, f"{self.namespace} accelerator, {method}()", error)


def _questions(given: Iterable[object]) -> tuple[Question, ...]:
    questions = tuple(given)
    for question in questions:
        if not isinstance(question, Question):
            raise TypeError(mismatch(question, Question))
    return tuple(question for question in questions if isinstance(question, Question))


def _kept(reading: AcceleratorReading) -> AcceleratorReading:
    """Write a reading and read it back: what cannot be kept would be lost between this step and the next."""
    return decode(AcceleratorReading, json.loads(json.dumps(encode(reading), ensure_ascii=False).encode()))


def _guarded_runner(plugin: str, run: Callable[[Step, Context], object]) -> Runner:
    """Wall in a plugin that runs steps itself; anything but True means that it left the step to others."""

    def runner(step: Step, context: Context) -> bool | None:
        try:
            return True if run(step, context) is True else None
        except BaseException as error:  # noqa: BLE001  __blame() always raises
            _blame(plugin, f"lockhouse_run_step for {step.name}", error)

    return runner


def _guarded_wrapper(plugin: str, wrap: Callable[[Step, Context], object]) -> Wrapper:
    """Wall in a plugin that goes around steps: the step's own errors pass unchanged, the wrapper's bear its name."""

    def wrapper(step: Step, context: Context) -> Generator[None, object, object]:
        deed = f"lockhouse_run_step around {step.name}"
        inner = wrap(step, context)
        assert isinstance(inner, Generator)
        try:
            next(inner)
        except StopIteration:
            _blame(plugin, deed, RuntimeError("the wrapper did not yield"))
        except BaseException as error:  # noqa: BLE001  __blame() always raises
            _blame(plugin, deed, error)
        try:
            done = yield
        except BaseException as error:  # noqa: BLE001  the wrapper decides what becomes of it
            raised = error
            return _resume(plugin, deed, lambda: inner.throw(raised), raised)
        return _resume(plugin, deed, lambda: inner.send(done), None)

    return wrapper


def _resume(plugin: str, deed: str, resume: Callable[[], object], raised: BaseException | None) -> object:
    try:
        resume()
    except StopIteration as stop:
        return stop.value
    except BaseException as error:
        if error is raised:
            raise
        _blame(plugin, deed, error)
    _blame(plugin, deed, RuntimeError("the wrapper yielded twice"))


def new_manager() -> pluggy.PluginManager:
    """Make a manager that knows the hooks."""
    manager = pluggy.PluginManager(PREFIX)
    manager.add_hookspecs(hookspecs)
    return manager


def implementations_of(plugin: object, name: str) -> dict[str, pluggy.HookImpl]:
    """Validate a plugin against the hooks, in a manager of its own so that a fault can be nobody else's."""
    if isinstance(plugin, type):
        raise NotAPlugin(f"it is the class {plugin.__name__}; register an instance or a module")
    manager = new_manager()
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


def guarded_step_hook(implementation: pluggy.HookImpl) -> object:
    """Put a plugin's ``lockhouse_run_step`` behind a wall, with the same options."""

    def call(step: Step, context: Context) -> object:
        arguments = {"step": step, "context": context}
        return implementation.function(*[arguments[name] for name in implementation.argnames])

    guard = _guarded_wrapper if implementation.wrapper else _guarded_runner
    mark = hookimpl(wrapper=implementation.wrapper, tryfirst=implementation.tryfirst, trylast=implementation.trylast)
    return SimpleNamespace(lockhouse_run_step=mark(guard(implementation.plugin_name, call)))
