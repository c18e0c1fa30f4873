"""What is told of every call of a hook: whose, which, how long, and what came of it.

It is a detail of the run, shown with ``--debug``; with :data:`TRACE_VARIABLE` set everybody sees it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from lockhouse.events import Emit, Message

__all__ = ["TRACE_VARIABLE", "Trace", "outcome_of"]

TRACE_VARIABLE = "LOCKHOUSE_TRACE_HOOKS"
"""Set to 1 to have every call of a hook told."""


class Trace:
    """Tells of calls. ``source`` gives a plugin with its version; only who asks for all is told of the ``own`` ones."""

    def __init__(self, emit: Emit, source: Callable[[str], str], own: frozenset[str]) -> None:
        self._emit = emit
        self._source = source
        self._own = own
        self._shown = os.environ.get(TRACE_VARIABLE, "") not in ("", "0")

    def called(self, plugin: str, hook: str, started: float, outcome: str) -> None:
        """Tell of a call that began at ``started`` (:func:`time.perf_counter`) and is over."""
        self.took(plugin, hook, time.perf_counter() - started, outcome)

    def took(self, plugin: str, hook: str, seconds: float, outcome: str) -> None:
        """Tell of a call, or of several together, that took ``seconds``."""
        if plugin in self._own and not self._shown:
            return
        text = f"hook {hook}, plugin {self._source(plugin)}: {seconds:.4f} s, {outcome}"
        self._emit(Message(level="info" if self._shown else "detail", text=text))


def outcome_of(answer: object) -> str:
    """Tell an answer in a few words."""
    if answer is None:
        return "no answer"
    if isinstance(answer, list | dict):
        return f"{len(answer)} answer{'s' * (len(answer) != 1)}"
    return f"answered {type(answer).__name__}"
