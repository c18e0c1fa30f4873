"""Soundness: whether files of the store are still what was written, as far as size, time and inode tell."""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from lockhouse.columns import INODE
from lockhouse.store.index import Folder

__all__ = ["DIRECTORY", "Columns", "Written", "has_changed", "is_damaged"]

DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
"""How a folder is opened so that names in it can be asked for."""


class Columns(Protocol):
    """Files below ``folder``, as entries and what was compiled of them keep them, in the order of ``folders``."""

    @property
    def folder(self) -> Path:
        """Where the files are."""

    @property
    def folders(self) -> Sequence[Folder]:
        """Folders that hold files, and the names in them."""

    @property
    def modes(self) -> array[int]:
        """Bits of the mode of each file that tell whether it may be run."""

    @property
    def sizes(self) -> array[int]:
        """Bytes of each file."""

    @property
    def hashes(self) -> bytes:
        """32 bytes of sha256 for each file."""

    @property
    def inodes(self) -> array[int]:
        """Inode number of each file, as far as a column keeps it."""

    @property
    def mtimes(self) -> array[int]:
        """Modification time of each file in nanoseconds."""


class Written(NamedTuple):
    """What the files of one folder were when they were written, in the order of their names: bytes, times, inodes."""

    sizes: Sequence[int]
    mtimes: Sequence[int]
    inodes: Sequence[int]


def is_damaged(kept: Columns) -> bool:
    """Whether a file is missing, or has another size, time or inode than the one that was written."""
    end = 0
    for path, names in kept.folders:
        begin, end = end, end + len(names)
        written = Written(kept.sizes[begin:end], kept.mtimes[begin:end], kept.inodes[begin:end])
        if has_changed(f"{kept.folder}/{path}", names, written):
            return True
    return False


def has_changed(folder: str, names: Sequence[str], written: Written, handle: int | None = None) -> bool:
    """Whether a file of a folder is missing, or another one than was written; ``handle`` is that of the open folder."""
    opened = None
    try:
        if handle is None and os.stat in os.supports_dir_fd:
            handle = opened = os.open(folder, DIRECTORY)
        # One name to resolve for each file instead of ten.
        prefix = "" if handle is not None else f"{folder}/"
        stat = os.stat
        for name, size, mtime, inode in zip(names, *written, strict=True):
            found = stat(prefix + name, dir_fd=handle, follow_symlinks=False)
            if found.st_mtime_ns != mtime or found.st_size != size or found.st_ino & INODE != inode:
                return True
    except OSError:
        return True
    finally:
        if opened is not None:
            os.close(opened)
    return False
