"""How far a step is: the sum of its items, how fast it advances and how long it will take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from lockhouse.events import Progress

__all__ = ["Clock", "Tally"]

Clock = Callable[[], float]

WINDOW = 8.0
"""Seconds that a rate is taken over: long enough to be calm, short enough to follow the network."""

SETTLING = 1.0
"""Seconds before a rate says anything."""


class Tally:
    """The progress of one step. Not thread-safe: whoever listens guards it."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self.unit = "bytes"
        self._begin()

    def _begin(self) -> None:
        self._items: dict[str, Progress] = {}
        self._moving: dict[str, None] = {}
        self._advanced = 0
        self._done = 0
        self._total = 0
        self._unknown = 0
        self._samples: deque[tuple[float, int]] = deque()

    def note(self, progress: Progress) -> None:
        """Take in an event. What an item had when it was first told was there before and counts for no rate."""
        if progress.unit != self.unit:  # a step counts one thing after another: files, and then checks
            self._begin()
            self.unit = progress.unit
        before = self._items.get(progress.item)
        if before is not None:
            self._done -= before.done
            self._total -= before.total or 0
            self._unknown -= before.total is None
            self._advance(progress.done - before.done)
            if progress.done != before.done:
                self._moving[progress.item] = None
        elif not self._samples:
            self._samples.append((self._clock(), 0))
        self._items[progress.item] = progress
        self._done += progress.done
        self._total += progress.total or 0
        self._unknown += progress.total is None
        if progress.done == progress.total:
            self._moving.pop(progress.item, None)

    @property
    def done(self) -> int:
        """What all items have, in the step's unit."""
        return self._done

    @property
    def total(self) -> int | None:
        """What all items will have, None while that of one is unknown."""
        return None if self._unknown else self._total

    @property
    def share(self) -> float | None:
        """Between 0 and 1, None while the total is unknown."""
        if self.total is None:
            return None
        return min(1.0, self.done / self.total) if self.total else 1.0

    @property
    def active(self) -> tuple[Progress, ...]:
        """The items that are being worked on, in the order in which they began to move."""
        return tuple(self._items[name] for name in self._moving)

    def rate(self) -> float | None:
        """How much per second lately, None while it is too early to say."""
        if not self._samples:
            return None
        now = self._clock()
        self._forget(now)
        since, then = self._samples[0]
        if now - since < SETTLING:
            return None
        return (self._advanced - then) / (now - since)

    def remaining(self) -> float | None:
        """Seconds left at the present rate, None where there is no telling."""
        rate = self.rate()
        if not rate or self.total is None:
            return None
        return max(0, self.total - self.done) / rate

    def _advance(self, amount: int) -> None:
        if amount <= 0:  # an item that starts again takes nothing back from the rate
            return
        self._advanced += amount
        now = self._clock()
        if now - self._samples[-1][0] >= 0.1:
            self._samples.append((now, self._advanced))
            self._forget(now)

    def _forget(self, now: float) -> None:
        while len(self._samples) > 1 and now - self._samples[1][0] >= WINDOW:
            self._samples.popleft()
