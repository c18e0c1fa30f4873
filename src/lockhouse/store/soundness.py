"""Soundness: whether files of the store are still what was written, as far as size, time and inode tell."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from lockhouse.store.entries import Folder, mtimes_of

__all__ = ["Columns", "is_damaged"]

DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)


class Columns(Protocol):
    """Files below ``folder``, as entries and what was compiled of them keep them, in the order of ``folders``."""

    @property
    def folder(self) -> Path:
        """Where the files are."""

    @property
    def folders(self) -> Sequence[Folder]:
        """Folders that hold files, and the names in them."""

    @property
    def sizes(self) -> Sequence[int]:
        """Bytes of each file."""

    @property
    def hashes(self) -> str:
        """64 hex digits for each file; its modification time follows from them."""

    @property
    def inodes(self) -> Sequence[int]:
        """Inode number of each file."""


def is_damaged(kept: Columns) -> bool:
    """Whether a file is missing, or has another size, time or inode than the one that was written."""
    expected = iter(zip(kept.sizes, mtimes_of(kept.hashes), kept.inodes, strict=True))
    relative = os.stat in os.supports_dir_fd
    try:
        for path, names in kept.folders:
            folder = f"{kept.folder}/{path}"
            # One name to resolve for each file instead of ten.
            handle = os.open(folder, DIRECTORY) if relative else None
            try:
                for name in names:
                    where = name if relative else f"{folder}/{name}"
                    found = os.stat(where, dir_fd=handle, follow_symlinks=False)
                    size, mtime, inode = next(expected)
                    if found.st_mtime_ns != mtime or found.st_size != size or found.st_ino != inode:
                        return True
            finally:
                if handle is not None:
                    os.close(handle)
    except OSError:
        return True
    return False
