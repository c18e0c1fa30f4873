"""One large file fetched in pieces by as many threads as have nothing else to do.

Pieces are cut as they are asked for: large at first, small at the end, so that all hands finish together and none of
them costs many round trips. The hash is taken in order, behind the growing beginning, from what the disk cache holds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from lockhouse.errors import LockhouseError
from lockhouse.state import storage_errors
from lockhouse.values import dataclass
from lockhouse.wheels.client import Client
from lockhouse.wheels.faults import RangeRefused, Unavailable
from lockhouse.wheels.growing import GrowingHash
from lockhouse.wheels.interruptions import Interruptions
from lockhouse.wheels.lanes import Lanes, Stopped
from lockhouse.wheels.meter import Report
from lockhouse.wheels.spans import Span, Spans, gaps
from lockhouse.wheels.streams import Stream

__all__ = ["DIVISIBLE", "SMALLEST", "Division", "Means", "Sharing", "Undivided"]

SMALLEST = 1 << 20
"""Bytes of a piece at least: some fifth of a second at 5 MB/s, five times the latency of a far server."""

DIVISIBLE = 4 * SMALLEST + 1
"""Bytes of a file that is worth dividing."""


class Undivided(Exception):
    """The server does not serve ranges of this file, or the file has changed meanwhile."""


class Sharing:
    """The files that anybody with free hands may fetch a piece of, in the order in which they were begun."""

    def __init__(self) -> None:
        self._offers: list[Division] = []
        self._changed = threading.Condition()
        self._over = False
        self.undivided: set[str] = set()
        """Hosts that have shown that they serve no ranges."""

    def offer(self, division: Division) -> None:
        """Let others help."""
        with self._changed:
            self._offers.append(division)
            self._changed.notify_all()

    def withdraw(self, division: Division) -> None:
        """Let nobody begin another piece."""
        with self._changed:
            if division in self._offers:
                self._offers.remove(division)

    def help(self) -> bool:
        """Fetch one piece of what is offered; False if there is none."""
        with self._changed:
            offers = tuple(self._offers)
        return any(division.fetch_one() for division in offers)

    def wait(self) -> None:
        """Wait until something may have been offered."""
        with self._changed:
            if not self._over:
                self._changed.wait(0.2)

    def end(self) -> None:
        """Wake all who wait: nothing will be offered any more."""
        with self._changed:
            self._over = True
            self._changed.notify_all()


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the arrivals of one fetch share. ``hands``: how many threads may work on one file."""

    client: Client
    lanes: Lanes
    stop: threading.Event
    sharing: Sharing
    hands: int

    def repeat(self, repetition: int, error: Unavailable) -> None:
        """Wait before a repetition, counted from 1; raise the error when they are used up, Stopped when called off."""
        if repetition > self.client.configuration.retries:
            raise error
        if self.stop.wait(self.client.transport.wait(max(repetition - 1, 0), error)):
            raise Stopped from error


@dataclass(eq=False, slots=True, kw_only=True)
class Division:
    """One file on its way in pieces. ``partial`` exists; ``ledger`` knows which of its ``size`` bytes are here.

    ``validator`` names the version that these bytes are of, if it is known. ``checked``: whether a hash known
    beforehand will tell if the pieces belong together; else only a validator can.
    """

    url: str
    size: int
    partial: Path
    ledger: Spans
    validator: str | None
    means: Means
    report: Report
    note: Callable[[str, str | None], None]
    checked: bool
    _waiting: list[Span] = field(default_factory=list)
    _active: int = 0
    _offered: bool = False
    _failure: BaseException | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _hashing: threading.Lock = field(default_factory=threading.Lock)
    _hash: GrowingHash = field(init=False)

    def bring(self) -> str:
        """Fetch what is missing, with the help of others, and return the sha256 of all.

        Raises Undivided, NetworkError, OfflineError, StorageError or Stopped, when nobody works on it any more.
        """
        self._hash = GrowingHash(self.partial)
        self._waiting = gaps(self.ledger.spans(), self.size)
        try:
            while self.fetch_one():
                pass
        finally:
            self.means.sharing.withdraw(self)
            with self._changed:
                while self._active:
                    self._changed.wait()
        if self._failure is not None:
            raise self._failure
        with self._hashing, storage_errors(self.partial):
            self._hash.follow(self.ledger.prefix, self.means.stop)
        self.report(self.size, self.size)
        return self._hash.hexdigest()

    def fetch_one(self) -> bool:
        """Fetch one piece; False if none is left. Failures are kept for :meth:`bring` to raise."""
        with self._changed:
            piece = self._cut()
            if piece is None:
                return False
            self._active += 1
        try:
            with storage_errors(self.partial):
                self._fetch(*piece)
                if self._hashing.acquire(blocking=False):
                    try:
                        self._hash.follow(self.ledger.prefix, self.means.stop)
                    finally:
                        self._hashing.release()
        except (LockhouseError, Undivided, Stopped) as error:
            self._fail(error)
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            with self._changed:
                self._active -= 1
                self._changed.notify_all()
        return True

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            # The first failure is the cause; those after it are of hands that were called off.
            self._failure = self._failure or error

    def _cut(self) -> Span | None:
        if not self._waiting or self._failure is not None:
            return None
        start, end = self._waiting[0]
        left = sum(stop - begin for begin, stop in self._waiting)
        length = max(SMALLEST, left // (2 * self.means.hands))
        if end - start < length + SMALLEST // 2:
            self._waiting.pop(0)
            return start, end
        self._waiting[0] = (start + length, end)
        return start, start + length

    def _fetch(self, start: int, end: int) -> None:
        """Fetch a piece, waiting interruptions out as often as configured."""
        number = self.ledger.open(start)
        have, interruptions = start, Interruptions(start)
        with self.partial.open("r+b") as file:
            file.seek(start)
            while have < end:
                try:
                    with (
                        self.means.lanes.enter(self.url, self.means.stop),
                        self.means.client.open_stream(self.url, have, self.validator, end) as stream,
                    ):
                        self._accept(stream)
                        for block in stream.blocks:
                            piece = block[: end - have]
                            file.write(piece)
                            file.flush()
                            have += len(piece)
                            self.ledger.extend(number, have)
                            if self.means.stop.is_set() or self._failure is not None:
                                raise Stopped
                            self.report(self.ledger.here, self.size)
                    if have < end:
                        shown = self.url.partition("?")[0]
                        raise Unavailable("a download ended early", url=shown, cause=f"{shown}: {have} of {end} bytes")
                except RangeRefused as error:
                    raise Undivided from error
                except Unavailable as error:
                    self.means.repeat(interruptions.count(have), error)

    def _accept(self, stream: Stream) -> None:
        """Judge an answer: it must be a range of the planned file; the first one that is opens the file to others."""
        if not stream.ranged or stream.total != self.size or not (self.checked or stream.validator):
            raise Undivided
        with self._changed:
            if self._offered:
                return
            self._offered = True
            self.validator = stream.validator
        self.note(self.url, stream.validator)
        self.means.sharing.offer(self)
