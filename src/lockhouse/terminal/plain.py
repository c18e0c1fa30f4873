"""Events as plain lines, for logs, pipes and dumb terminals: nothing moves and nothing is coloured."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TextIO

from lockhouse.events import Event, Message, Progress, StepFinished, StepStarted
from lockhouse.quantities import duration, portion, rate
from lockhouse.terminal.device import spell
from lockhouse.terminal.tally import Clock, Tally
from lockhouse.terminal.text import clean

__all__ = ["PlainListener"]

PATIENCE = 10.0
"""Seconds between two lines on the progress of a step."""


class PlainListener:
    """Writes a line per event worth one. Safe to call from any thread."""

    def __init__(
        self, stream: TextIO, *, quiet: bool = False, debug: bool = False, clock: Clock = time.monotonic
    ) -> None:
        self._stream = stream
        self._quiet = quiet
        self._debug = debug
        self._clock = clock
        self._lock = threading.Lock()
        self._tallies: dict[str, Tally] = {}
        self._told: dict[str, float] = {}
        self._warned: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Take an event."""
        with self._lock:
            line = self._line(event)
            if line is not None:
                with contextlib.suppress(OSError, ValueError):  # nobody reads any more: the work goes on
                    self._stream.write(spell(f"{line}\n", self._stream))
                    self._stream.flush()

    def close(self) -> None:
        """End; there is nothing to put back."""

    def _line(self, event: Event) -> str | None:
        if isinstance(event, Message):
            return self._message(event)
        if self._quiet:
            return None
        if isinstance(event, StepStarted):
            self._told[event.step] = self._clock()
            return f"{event.step}: started"
        if isinstance(event, Progress):
            return self._progress(event)
        return self._finished(event)

    def _message(self, message: Message) -> str | None:
        text = clean(message.text)
        if message.level == "warning":
            if text in self._warned:
                return None
            self._warned.add(text)
            return f"warning: {text}"
        if self._quiet or (message.level == "detail" and not self._debug):
            return None
        return text

    def _progress(self, event: Progress) -> str | None:
        tally = self._tallies.setdefault(event.step, Tally(self._clock))
        tally.note(event)
        now = self._clock()
        if now - self._told.setdefault(event.step, now) < PATIENCE or tally.done == tally.total:
            return None
        self._told[event.step] = now
        parts = [portion(tally.done, tally.total, tally.unit)]
        if tally.share is not None:
            parts[0] += f" ({int(tally.share * 100)} %)"
        speed, left = tally.rate(), tally.remaining()
        if speed:
            parts.append(rate(speed, tally.unit))
        if left is not None:
            parts.append(f"{duration(left)} left")
        return f"{event.step}: {', '.join(parts)}"

    def _finished(self, event: StepFinished) -> str:
        self._tallies.pop(event.step, None)
        detail = f": {clean(event.detail)}" if event.detail else ""
        if event.outcome == "up-to-date":
            return f"{event.step}: up to date{detail and ',' + detail[1:]}"
        if event.outcome == "failed":
            return f"{event.step}: failed after {duration(event.seconds)}{detail}"
        return f"{event.step}: done in {duration(event.seconds)}{detail}"
