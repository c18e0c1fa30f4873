"""Cloning: a file that shares its blocks with another until one of the two is written to (btrfs, xfs, APFS)."""

from __future__ import annotations

import errno
import os
import sys

__all__ = ["clone"]

FICLONE = 0x40049409
"""``_IOW(0x94, 9, int)``, linux/fs.h; on POWER the number is another, and nothing is cloned there."""

NO_FOLLOW = 0x0001
"""``CLONE_NOFOLLOW``, sys/clonefile.h."""


def clone(source: str, target: str, mode: int) -> None:
    """Clone a file with the time of the store's; OSError where the file system cannot, FileExistsError where one is."""
    if sys.platform == "linux":
        _clone_linux(source, target, mode)
    elif sys.platform == "darwin":
        _clone_macos(source, target, mode)
    else:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), target)


def _clone_linux(source: str, target: str, mode: int) -> None:
    import fcntl

    reading = os.open(source, os.O_RDONLY)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            fcntl.ioctl(writing, FICLONE, reading)
            os.fchmod(writing, mode)  # whatever the umask
            mtime = os.fstat(reading).st_mtime_ns
            os.utime(writing, ns=(mtime, mtime))
        except BaseException:
            os.unlink(target)
            raise
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _clone_macos(source: str, target: str, mode: int) -> None:
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if library.clonefile(os.fsencode(source), os.fsencode(target), NO_FOLLOW):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)
    os.chmod(target, mode)  # noqa: PTH101 - a name, not a Path
