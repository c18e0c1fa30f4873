"""One run at a time in a project: the second waits, and says for whom. What the system refuses is no second run."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from pathlib import Path
from typing import Protocol

from lockhouse.errors import Hint, ProjectBusy
from lockhouse.events import Emit, Message
from lockhouse.leftovers import sweep_project
from lockhouse.project import Project
from lockhouse.state import storage_errors

__all__ = ["Hold", "hold_project"]

PAUSE = 0.05
"""Seconds between two looks whether the project is free."""


READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.EBADF})
"""What a system says no with where it lets nothing be written; NFS wants a file that is locked to be open for that."""


class Hold(Protocol):
    """What keeps others out until it is released or the process ends, however it ends."""

    def release(self) -> None:
        """Give the project free; may be called twice."""


def hold_project(project: Project, emit: Emit, patience: float, *, writing: bool = True) -> Hold:
    """Have a project alone until what is returned is released or the process ends.

    Waits at most ``patience`` seconds for another run, then raises ProjectBusy. The operating system frees the lock of
    a process that dies; what it was just writing is cleared away here. Raises StorageError for what the system refuses;
    who is not ``writing`` goes on without the lock where nothing can be written.
    """
    path = project.home / ".lock"  # beside folders of manifests: names that no manifest can have
    owner = project.home / ".owner"
    with storage_errors(path):
        try:
            project.home.mkdir(parents=True, exist_ok=True)
            hold = _take(path)
        except OSError as error:
            if writing or error.errno not in READ_ONLY:
                raise
            return _Nothing()
        if hold is None:
            emit(Message(level="info", text=f"waiting for another lockhouse in this project{_named(owner)}"))
            hold = _wait(path, patience)
        if hold is None:
            raise ProjectBusy(
                "another lockhouse works on this project",
                cause=f"it did not finish within {patience:g} seconds{_named(owner)}",
                hints=[Hint("wait", "wait for it to end, or end it")],
            )
    with contextlib.suppress(OSError):  # it only says for whom others wait; a full disk must not keep `clean` out
        owner.write_text(str(os.getpid()), encoding="ascii")
    sweep_project(project)
    return hold


class _Nothing:
    """What is held where nobody can write."""

    def release(self) -> None:
        """Do nothing."""


def _wait(path: Path, patience: float) -> Hold | None:
    limit = time.monotonic() + patience
    while time.monotonic() < limit:
        time.sleep(PAUSE)
        if (hold := _take(path)) is not None:
            return hold
    return None


if sys.platform == "win32":

    def _take(path: Path) -> Hold | None:
        """Lock the file, or return None if somebody else has."""
        from filelock import FileLock, Timeout

        # FileLock takes a refusal for a lock of somebody else; a file that is locked can be opened.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o644))
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        return lock

else:

    class _Locked:
        """A file that is locked as long as it is open."""

        def __init__(self, handle: int) -> None:
            self._handle: int | None = handle

        def release(self) -> None:
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None

    def _open(path: Path) -> int:
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            if error.errno not in READ_ONLY:
                raise
            with contextlib.suppress(OSError):
                return os.open(path, os.O_RDONLY)
            raise

    def _take(path: Path) -> Hold | None:
        """Lock the file, or return None if somebody else has.

        The call that ``filelock`` makes here too, so that the two keep each other out; its import takes longer.
        """
        import fcntl

        handle = _open(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError:
            os.close(handle)
            raise
        return _Locked(handle)


def _named(owner: Path) -> str:
    with contextlib.suppress(OSError, ValueError):
        return f" (process {int(owner.read_text(encoding='ascii'))})"
    return ""
