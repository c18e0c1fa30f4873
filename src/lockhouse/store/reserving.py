"""Reservations: who makes an entry says so, that nobody else does the same work meanwhile.

They save work and decide nothing: an entry is published by one rename, whoever made it. Where the file system has no
locks, everybody makes their own and the first one counts. The operating system frees those of a process that dies.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["Reservations"]

PAUSE = 0.05


class Reservations:
    """The entries that one caller is making; ``folder`` is where all callers say so. Used by several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[str, FileLock | None] = {}

    def take(self, sha256: str) -> bool:
        """Reserve an entry; False if somebody else has."""
        lock = self._lock(sha256)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        except NotImplementedError:
            self._held[sha256] = None
            return True
        self._held[sha256] = lock
        return True

    def give(self, sha256: str) -> None:
        """Give an entry free."""
        lock = self._held.pop(sha256, None)
        if lock is not None:
            self._release(sha256, lock)

    def give_all(self) -> None:
        """Give all entries free."""
        for sha256 in list(self._held):
            self.give(sha256)

    def wait(self, sha256: str, given_up: threading.Event) -> None:
        """Wait until nobody makes an entry, or ``given_up``. Whoever waits must hold nothing that others wait for."""
        lock = self._lock(sha256)
        while not given_up.is_set():
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=PAUSE)
                self._release(sha256, lock)
                return

    def _release(self, sha256: str, lock: FileLock) -> None:
        # While it is held; who opened it just now will hold a lock that nobody else sees, and does the work again.
        with contextlib.suppress(OSError):
            (self.folder / sha256).unlink()
        lock.release()

    def _lock(self, sha256: str) -> FileLock:
        return FileLock(self.folder / sha256, thread_local=False)
