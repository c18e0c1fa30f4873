"""Progress of files as events, not more often than eyes can follow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from lockhouse.events import Emit, Message, Progress

__all__ = ["Meter", "Report"]

Report = Callable[[int, int | None], None]
"""Takes bytes that are here, and bytes that there will be (None if unknown)."""


class Meter:
    """Tells of one step how far its files are. Safe to use from several threads."""

    INTERVAL = 0.1
    """Seconds between two events of one file."""

    def __init__(self, emit: Emit, step: str) -> None:
        self._emit = emit
        self._step = step
        self._told: dict[str, float] = {}
        self._lock = threading.Lock()

    def of(self, item: str) -> Report:
        """The report of one file; its first call is always told, and so is the one that completes it."""

        def report(done: int, total: int | None) -> None:
            now = time.monotonic()
            # Looked at without the lock first: hundreds of blocks arrive between two events.
            if done != total and now - self._told.get(item, -self.INTERVAL) < self.INTERVAL:
                return
            with self._lock:
                self._told[item] = now
                self._emit(Progress(step=self._step, item=item, done=done, total=total, unit="bytes"))

        return report

    def warn(self, text: str) -> None:
        """Tell a line that people should see."""
        with self._lock:
            self._emit(Message(level="warning", text=text))

    def say(self, text: str) -> None:
        """Tell a line about what goes on."""
        with self._lock:
            self._emit(Message(level="info", text=text))
