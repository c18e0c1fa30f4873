"""How files get from the store into environments: tried once for each pair of file systems, and remembered."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import get_args

from lockhouse.events import Emit, Message, discard
from lockhouse.state import write_atomically
from lockhouse.store.linking import LinkMode, link_mode
from lockhouse.store.shelves import Store

__all__ = ["choose_mode"]

FOLDER = "modes"


def choose_mode(store: Store, target: Path, wish: str = "auto", emit: Emit = discard) -> LinkMode:
    """Decide how files get into ``target``, an existing folder. A wish that cannot be granted is told as a warning.

    It is decided anew when one of the two file systems is another one, and when the record of it is deleted.
    """
    known = store.shelves / FOLDER / f"{wish}-{_identity(store.shelves)}-{_identity(target)}"
    with contextlib.suppress(OSError, ValueError):
        recorded = known.read_text(encoding="ascii").strip()
        for mode in get_args(LinkMode):
            if mode == recorded:
                return _told(mode, wish, emit)
    mode = link_mode(store.shelves, target, wish)
    write_atomically(known, f"{mode}\n".encode())
    return _told(mode, wish, emit)


def _told(mode: LinkMode, wish: str, emit: Emit) -> LinkMode:
    if wish not in ("auto", mode):
        emit(Message(level="warning", text=f"link-mode {wish!r} is not possible between store and environment: {mode}"))
    return mode


def _identity(folder: Path) -> str:
    """Name the file system that a folder is on; device numbers alone are given out again."""
    found = folder.stat()
    system = os.statvfs(folder).f_fsid if hasattr(os, "statvfs") else 0
    return f"{found.st_dev:x}.{system:x}"
