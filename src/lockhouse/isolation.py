"""Walls around plugins: what one of them does wrong bears its name and stays with it.

Knows nothing of where plugins come from or how they are called; that is :mod:`lockhouse.plugins`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import NoReturn, TypeVar

from lockhouse.accelerators import Accelerator, Question, Support
from lockhouse.codec import decode, encode
from lockhouse.errors import Hint, LockhouseError, PluginError
from lockhouse.host import AcceleratorReading, Host, Probe
from lockhouse.manifest import Check
from lockhouse.steps import Context, Step

__all__ = [
    "GuardedAccelerator",
    "NotAPlugin",
    "blame",
    "describe_error",
    "guarded_runner",
    "guarded_wrapper",
    "mismatch",
]

T = TypeVar("T")
Runner = Callable[[Step, Context], bool | None]
Wrapper = Callable[[Step, Context], Generator[None, object, object]]


class NotAPlugin(Exception):
    """What was loaded as a plugin cannot be used; the text says why."""


def describe_error(error: BaseException) -> str:
    """Tell an exception in one line: its kind and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def blame(plugin: str, deed: str, error: BaseException) -> NoReturn:
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
    """Say why an item is no ``kind``, or None if it is one; for a Protocol name what is missing."""
    if isinstance(item, kind):
        return None
    text = f"gave a {type(item).__name__}, not a {kind.__name__}"
    if not getattr(kind, "_is_protocol", False):
        return text
    missing = [name for name in sorted(vars(kind)) if not name.startswith("_") and not hasattr(item, name)]
    return f"{text}: it has no {', '.join(missing)}"


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
        # What cannot be written as JSON and read back would be lost between this step and the next.
        return self._ask("read", lambda: decode(AcceleratorReading, encode(self.accelerator.read(answers))))

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
            blame(self.plugin, f"{self.namespace} accelerator, {method}()", error)


def _questions(given: Iterable[object]) -> tuple[Question, ...]:
    questions = tuple(given)
    for question in questions:
        if not isinstance(question, Question):
            raise TypeError(mismatch(question, Question))
    return tuple(question for question in questions if isinstance(question, Question))


def guarded_runner(plugin: str, run: Callable[[Step, Context], object]) -> Runner:
    """Wall in a plugin that runs steps itself; anything but True means that it left the step to others."""

    def runner(step: Step, context: Context) -> bool | None:
        try:
            return True if run(step, context) is True else None
        except BaseException as error:  # noqa: BLE001  blame() always raises
            blame(plugin, f"lockhouse_run_step for {step.name}", error)

    return runner


def guarded_wrapper(plugin: str, wrap: Callable[[Step, Context], object]) -> Wrapper:
    """Wall in a plugin that goes around steps: the step's own errors pass unchanged, the wrapper's bear its name."""

    def wrapper(step: Step, context: Context) -> Generator[None, object, object]:
        deed = f"lockhouse_run_step around {step.name}"
        inner = wrap(step, context)
        assert isinstance(inner, Generator)
        try:
            next(inner)
        except StopIteration:
            blame(plugin, deed, RuntimeError("the wrapper did not yield"))
        except BaseException as error:  # noqa: BLE001  blame() always raises
            blame(plugin, deed, error)
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
        blame(plugin, deed, error)
    blame(plugin, deed, RuntimeError("the wrapper yielded twice"))
