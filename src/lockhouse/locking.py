"""Locks on files: the operating system frees them when a process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import Protocol

__all__ = ["NO_LOCKS", "READ_ONLY", "Hold", "take"]

READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.EBADF})
"""What a system says no with where it lets nothing be written; NFS wants a file that is locked to be open for that."""

NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK})
"""What a file system says that has no locks."""


class Hold(Protocol):
    """What keeps others out until it is released or the process ends, however it ends."""

    def release(self) -> None:
        """Give it free; may be called twice."""


if sys.platform == "win32":

    def take(path: Path) -> Hold | None:
        """Lock a file, which is made if there is none; None if somebody else has. Raises OSError."""
        from filelock import FileLock, Timeout

        # FileLock takes a refusal for a lock of somebody else; a file that is locked can be opened.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o644))
        lock = FileLock(path, thread_local=False)  # another thread may release it
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

    def take(path: Path) -> Hold | None:
        """Lock a file, which is made if there is none; None if somebody else has. Raises OSError.

        The call that ``filelock`` makes here too, so that the two keep each other out; its import takes longer.
        """
        import fcntl

        while True:
            handle = _open(path)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(handle, path):
                    return _Locked(handle)
            except BlockingIOError:
                os.close(handle)
                return None
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)  # its holder removed it after we had opened it: nobody would see that we hold it

    def _is_at(handle: int, path: Path) -> bool:
        """Whether an open file is still the one that a path leads to."""
        try:
            return os.path.samestat(os.fstat(handle), path.stat())
        except FileNotFoundError:
            return False
