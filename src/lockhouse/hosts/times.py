"""Times of folders: a folder in which something came and went is, to the time of its last change, as it was before."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable

from lockhouse.hosts.ledger import FOLDER, Touched
from lockhouse.hosts.moving import CACHE

__all__ = ["look_at", "restore_folders"]


def look_at(folder: str) -> Touched:
    """Note how a folder is before anything comes or goes in it."""
    time = os.stat(folder).st_mtime_ns  # noqa: PTH116
    names = _names(folder)
    return Touched(path=folder, time=time, names=_digest(names), caches=CACHE in names)


def restore_folders(folders: Iterable[Touched]) -> None:
    """Give folders their times back, where nothing else has come or gone since.

    A ``__pycache__`` that Python has made there meanwhile goes, if it is empty.
    """
    for folder in folders:
        with contextlib.suppress(OSError):
            if not folder.caches:
                with contextlib.suppress(OSError):  # somebody else's bytecode is in it, or nobody's was
                    os.rmdir(f"{folder.path}/{CACHE}")  # noqa: PTH106
            if _digest(_names(folder.path)) == folder.names:
                os.utime(folder.path, ns=(os.stat(folder.path).st_atime_ns, folder.time))  # noqa: PTH116


def _names(folder: str) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name != FOLDER)  # noqa: PTH208 - names are wanted


def _digest(names: list[str]) -> str:
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()
