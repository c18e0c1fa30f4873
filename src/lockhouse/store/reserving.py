"""Reservations: who makes an entry says so, that nobody else does the same work meanwhile.

They save work and decide nothing: an entry is published by one rename, whoever made it. Where the file system has no
locks, everybody makes their own and the first one counts. The operating system frees those of a process that dies.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from lockhouse.locking import NO_LOCKS, Hold, take

__all__ = ["Reservations"]

PAUSE = 0.05
"""Seconds between two looks whether an entry is free."""


class Reservations:
    """The entries that one caller is making; ``folder`` is where all callers say so. Used by several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[str, Hold | None] = {}

    def take(self, sha256: str) -> bool:
        """Reserve an entry; False if somebody else has, as far as there are locks. Raises OSError."""
        try:
            hold = take(self.folder / sha256)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            self._held[sha256] = None
            return True
        if hold is None:
            return False
        self._held[sha256] = hold
        return True

    def alone(self, sha256: str) -> bool:
        """Whether an entry that was taken is certain to be made by nobody else: not where there are no locks."""
        return self._held[sha256] is not None

    def give(self, sha256: str) -> None:
        """Give an entry free."""
        if sha256 not in self._held:
            return
        hold = self._held.pop(sha256)
        # While it is held: who has opened it just now looks once more (see take).
        with contextlib.suppress(OSError):
            (self.folder / sha256).unlink()
        if hold is not None:
            hold.release()

    def give_all(self) -> None:
        """Give all entries free."""
        for sha256 in list(self._held):
            self.give(sha256)

    def wait(self, sha256: str, given_up: threading.Event) -> None:
        """Wait until nobody makes an entry, or ``given_up``. Whoever waits must hold nothing that others wait for."""
        while not self.take(sha256):
            if given_up.wait(PAUSE):
                return
        self.give(sha256)
