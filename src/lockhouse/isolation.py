"""Walls around plugins: what one of them does wrong bears its name and stays with it.

A plugin is held against the hooks alone, in a manager of its own, and its hold on steps is guarded. What it gives is
walled in by :mod:`lockhouse.guards`; where plugins come from and when they are asked is the business of
:mod:`lockhouse.plugins`.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from itertools import islice
from types import SimpleNamespace

import pluggy

from lockhouse import hookspecs
from lockhouse.confinement import confined
from lockhouse.guards import blame
from lockhouse.hookspecs import PREFIX, hookimpl
from lockhouse.steps import Context, Step
from lockhouse.vetting import describe_error

__all__ = ["RUN_STEP", "NotAPlugin", "answer_of", "guarded_step_hook", "implementations_of", "new_manager"]

RUN_STEP = "lockhouse_run_step"
MOST_ANSWERS = 10_000
"""Answers of one hook; whoever gives more would go on for ever."""

Trace = Callable[[float, str], object]
"""Is told of each call: when it began (:func:`time.perf_counter`), and what came of it."""

Runner = Callable[[Step, Context], bool | None]
Wrapper = Callable[[Step, Context], Generator[None, object, object]]


class NotAPlugin(Exception):
    """What was loaded as a plugin cannot be used; the text says why."""


def _guarded_runner(plugin: str, run: Callable[[Step, Context], object], trace: Trace) -> Runner:
    """Wall in a plugin that runs steps itself; anything but True means that it left the step to others."""

    def runner(step: Step, context: Context) -> bool | None:
        started = time.perf_counter()
        try:
            with confined():
                taken = run(step, context) is True
        except Exception as error:  # noqa: BLE001  blame() always raises
            trace(started, f"raised {describe_error(error)}")
            blame(plugin, f"lockhouse_run_step for {step.name}", error)
        trace(started, f"{'took over' if taken else 'left to others'}: {step.name}")
        return True if taken else None

    return runner


def _guarded_wrapper(plugin: str, wrap: Callable[[Step, Context], object], trace: Trace) -> Wrapper:
    """Wall in a plugin that goes around steps: the step's own errors pass unchanged, the wrapper's bear its name."""

    def wrapper(step: Step, context: Context) -> Generator[None, object, object]:
        deed = f"lockhouse_run_step around {step.name}"
        started = time.perf_counter()
        try:
            with confined():
                inner = wrap(step, context)
                if not isinstance(inner, Generator):
                    raise TypeError("the wrapper is no generator")
                next(inner)
        except StopIteration:
            blame(plugin, deed, RuntimeError("the wrapper did not yield"))
        except Exception as error:  # noqa: BLE001  blame() always raises
            blame(plugin, deed, error)
        try:
            done = yield
        except BaseException as error:  # noqa: BLE001  the wrapper decides what becomes of it
            raised = error
            trace(started, f"around {step.name}, which raised {describe_error(raised)}")
            return _resume(plugin, deed, lambda: inner.throw(raised), raised)
        trace(started, f"around {step.name}")
        return _resume(plugin, deed, lambda: inner.send(done), None)

    return wrapper


def _resume(plugin: str, deed: str, resume: Callable[[], object], raised: BaseException | None) -> object:
    try:
        with confined():
            resume()
    except StopIteration as stop:
        return stop.value
    except Exception as error:  # noqa: BLE001  blame() always raises
        if raised is None or raised not in (error, error.__cause__):
            blame(plugin, deed, error)
        raise raised from raised.__cause__
    return blame(plugin, deed, RuntimeError("the wrapper yielded twice"))


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


def guarded_step_hook(implementation: pluggy.HookImpl, trace: Trace) -> object:
    """Put a plugin's ``lockhouse_run_step`` behind a wall, with the same options."""

    def call(step: Step, context: Context) -> object:
        arguments = {"step": step, "context": context}
        return implementation.function(*[arguments[name] for name in implementation.argnames])

    guard = _guarded_wrapper if implementation.wrapper else _guarded_runner
    mark = hookimpl(wrapper=implementation.wrapper, tryfirst=implementation.tryfirst, trylast=implementation.trylast)
    return SimpleNamespace(lockhouse_run_step=mark(guard(implementation.plugin_name, call, trace)))


def answer_of(implementation: pluggy.HookImpl, arguments: Mapping[str, object]) -> object:
    """Call one plugin's hook and read its answer to the end: a generator raises, or takes its time, when it is read."""
    answer = implementation.function(*[arguments[name] for name in implementation.argnames])
    if not isinstance(answer, Iterable) or isinstance(answer, str | Mapping):
        return answer
    items = list(islice(answer, MOST_ANSWERS + 1))
    if len(items) > MOST_ANSWERS:
        raise ValueError(f"gave more than {MOST_ANSWERS} answers")
    return items
