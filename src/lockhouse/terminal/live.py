"""Events on a terminal: finished steps and messages scroll up, the board beneath them moves."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from lockhouse.events import Event, Message, Progress, StepFinished, StepStarted
from lockhouse.forking import beside, quiet
from lockhouse.quantities import duration
from lockhouse.terminal.device import name_width, open_console, signs_of, width_of
from lockhouse.terminal.tally import Clock
from lockhouse.terminal.text import clean, fold

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live

    from lockhouse.terminal.board import Board

__all__ = ["LiveListener"]

PATIENCE = 0.3
"""Seconds that a step may take before the board is opened: a run with nothing to do stays as quick as it is."""

REFRESHES_PER_SECOND = 10


class LiveListener:
    """Shows events in motion. Safe to call from any thread.

    Two locks never nest the other way round: the board's is held only while the board is read or changed, and nothing
    is written meanwhile, because the terminal has a lock of its own under which it asks for the board.
    """

    def __init__(self, stream: TextIO, *, debug: bool = False, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._debug = debug
        self._clock = clock
        self._signs = signs_of(stream)
        self._state = threading.Lock()
        self._opening = threading.Lock()
        self._painter: threading.Thread | None = None
        self._ended = threading.Event()
        self._board: Board | None = None
        self._console: Console | None = None
        self._live: Live | None = None
        self._closed = False
        self._early: list[Event] = []
        self._unchanged: list[str] = []
        self._warned: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Take an event."""
        with contextlib.suppress(OSError):  # the terminal has gone away: the work goes on
            if isinstance(event, Message):
                self._message(event)
            elif isinstance(event, StepFinished):
                self._finished(event)
            else:
                self._underway(event)

    def close(self) -> None:
        """Take the board off the terminal and show the cursor again."""
        with self._opening:
            self._closed = True
            painter, live = self._painter, self._live
            self._painter = self._live = None
        self._ended.set()
        if painter is not None:
            painter.join()
        with contextlib.suppress(OSError):
            if live is not None:
                live.stop()
            self._tell_unchanged()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the board: what the terminal asks for a few times a second."""
        if self._board is not None:
            with self._state:
                lines = self._board.lines(options.max_width, console.height - 2)
            for line in lines:
                line.no_wrap, line.overflow = True, "crop"
                yield line

    def _underway(self, event: StepStarted | Progress) -> None:
        with self._state:
            if self._board is None:
                self._early.append(event)
            else:
                _enter(self._board, event)
        with self._opening:
            if self._painter is None and not self._closed:
                self._painter = beside(self._paint)

    def _paint(self) -> None:
        """Open the board when a step takes long, and draw it again and again."""
        pause = PATIENCE
        while not self._ended.wait(pause):
            with quiet, contextlib.suppress(OSError):
                if (live := self._live) is not None:
                    live.refresh()
                else:
                    self._open()
                    pause = 1 / REFRESHES_PER_SECOND

    def _open(self) -> None:
        from rich.live import Live

        from lockhouse.terminal.board import Board

        with self._opening, contextlib.suppress(OSError):
            if self._closed or self._live is not None:
                return
            with self._state:
                self._board = Board(self._signs, self._clock)
                for event in self._early:
                    _enter(self._board, event)
                self._early.clear()
            self._live = Live(self, console=self._opened(), transient=True, auto_refresh=False)
            self._live.start(refresh=True)

    def _finished(self, event: StepFinished) -> None:
        with self._state:
            self._early = [early for early in self._early if _step(early) != event.step]
            if self._board is not None:
                self._board.finish(event.step)
            if event.outcome == "up-to-date":
                self._unchanged.append(event.step)
                return
        self._tell_unchanged()
        sign, style = (self._signs.done, "green") if event.outcome == "done" else (self._signs.failed, "bold red")
        columns = name_width(width_of(self._stream) or 80)
        head = f"{sign} {clean(event.step):<{columns}} {duration(event.seconds):>8}  "
        self._write(head + clean(event.detail), style, len(sign), hang=len(head))

    def _message(self, message: Message) -> None:
        text = clean(message.text)
        if message.level == "detail":
            if self._debug:
                self._write(text, "dim", len(text))
        elif message.level == "info":
            self._write(text)
        elif text not in self._warned:
            self._warned.add(text)
            self._write(f"warning: {text}", "yellow", len("warning:"))

    def _tell_unchanged(self) -> None:
        with self._state:
            steps, self._unchanged = self._unchanged, []
        if steps:
            self._write(f"{self._signs.done} up to date: {', '.join(_grouped(steps))}", plain=True)

    def _write(self, text: str, style: str = "", styled: int = 0, *, hang: int = 2, plain: bool = False) -> None:
        width = width_of(self._stream) or 80
        lines = fold(text, width, rest=" " * (hang if width - hang >= 24 else 4))
        if plain and self._console is None:  # not worth the time that it takes to load what draws
            self._stream.write("".join(f"{line}\n" for line in lines))
            self._stream.flush()
            return
        from rich.text import Text

        for i, line in enumerate(lines):
            shown = Text(line)
            if style and i == 0:
                shown.stylize(style, 0, styled)
            self._opened().print(shown, soft_wrap=True)

    def _opened(self) -> Console:
        if self._console is None:
            self._console = open_console(self._stream)
        return self._console


def _enter(board: Board, event: Event) -> None:
    if isinstance(event, StepStarted):
        board.start(event.step)
    elif isinstance(event, Progress):
        board.note(event)


def _step(event: Event) -> str | None:
    return None if isinstance(event, Message) else event.step


def _grouped(steps: list[str]) -> Iterator[str]:
    """Name each step once: the stages of ``install`` together."""
    groups: dict[str, int] = {}
    for step in steps:
        name = step.partition(":")[0]
        groups[name] = groups.get(name, 0) + 1
    for name, count in groups.items():
        yield name if count == 1 else f"{name} ({count} stages)"
