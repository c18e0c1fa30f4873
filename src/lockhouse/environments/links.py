"""Links that stand for a folder: symbolic links, and the junctions of Windows, which are no links for Python."""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["is_link", "real", "remove_link"]

# The st_reparse_tag of a junction: ``os.path.isjunction`` came with Python 3.12 only.
MOUNT_POINT = 0xA0000003


def is_link(path: Path) -> bool:
    """Whether a path is a link of either kind; what it leads to does not matter."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == MOUNT_POINT


def real(path: Path) -> Path:
    """Follow all links of a path as far as they lead; ``Path.resolve`` raises where they lead in a circle."""
    return Path(os.path.realpath(path))


def remove_link(path: Path) -> None:
    """Remove a link, never what it leads to; whatever is no link stays."""
    if path.is_symlink():
        path.unlink()
    elif is_link(path):
        path.rmdir()
