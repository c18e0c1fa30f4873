"""Soundness: whether files of the store are still what was written, as far as size, time and inode tell."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lockhouse.columns import INODE
from lockhouse.environments.tree import hash_files
from lockhouse.state import current_boot
from lockhouse.store.index import Kept

__all__ = ["DIRECTORY", "SETTLED", "Written", "has_changed", "is_damaged", "is_settled"]

SETTLED = "settled"

DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
"""How a folder is opened so that names in it can be asked for."""


class Written(NamedTuple):
    """What the files of one folder were when they were written, in the order of their names: bytes, times, inodes."""

    sizes: Sequence[int]
    mtimes: Sequence[int]
    inodes: Sequence[int]


def is_damaged(folder: Path, kept: Kept) -> bool:
    """Whether a file below a folder is missing, or has another size, time or inode than the one that was written."""
    for path, names, rows in kept.by_folder():
        written = Written(kept.sizes[rows], kept.mtimes[rows], kept.inodes[rows])
        if has_changed(f"{folder}/{path}", names, written):
            return True
    return False


def is_settled(home: Path, folder: Path, kept: Kept, boot: str) -> bool:
    """Whether files were written since the machine last started, in the ``boot`` it has, or were read once after that.

    A power cut may have left files that have the right size and time and not the right content. That they have been
    read is noted in ``home``.
    """
    marker = home / SETTLED
    if boot == current_boot() or marker.exists():
        return True
    files = list(zip(kept.paths, kept.sizes, strict=True))
    hashes = hash_files(folder, files, lambda _: None)
    if "".join(hashes[path] or "" for path, _ in files) != kept.hashes.hex():
        return False
    with contextlib.suppress(OSError):
        marker.touch()
    return True


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
