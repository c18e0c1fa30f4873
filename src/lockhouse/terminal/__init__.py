"""What people and programs see of a run: events as they come, errors, answers of verbs, JSON documents.

Nothing in here decides anything: it is given events, errors and values, and shows them.
"""

from __future__ import annotations

from typing import Protocol, TextIO

from lockhouse.errors import Hint, LockhouseError
from lockhouse.events import Event

__all__ = ["Listener", "listener", "show_error"]


class Listener(Protocol):
    """Takes the events of a run, from any thread, and shows them. Close it before writing anything else."""

    def __call__(self, event: Event) -> None:
        """Take an event; never raises."""

    def close(self) -> None:
        """Put the terminal back as it was; may be called twice."""


def listener(stream: TextIO, quiet: bool = False, debug: bool = False) -> Listener:
    """Choose how events look on ``stream``: in motion on a terminal, as plain lines elsewhere.

    ``quiet`` shows warnings only, ``debug`` also messages of level ``detail``.
    """
    from lockhouse.terminal.device import is_terminal

    if quiet or not is_terminal(stream):
        from lockhouse.terminal.plain import PlainListener

        return PlainListener(stream, quiet=quiet, debug=debug)
    from lockhouse.terminal.live import LiveListener

    return LiveListener(stream, debug=debug)


def show_error(error: LockhouseError, stream: TextIO, hints: tuple[Hint, ...] = ()) -> None:
    """Write an error: what, why, what to do; ``hints`` are those that plugins add."""
    from lockhouse.terminal.errors import show_error as show

    show(error, stream, hints)
