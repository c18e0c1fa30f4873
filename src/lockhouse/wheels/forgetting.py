"""What the memory of wheels can let go of: facts about wheels that nobody needs, or that are read anew anyway.

Should somebody need them all the same, they are gathered again: facts are worth time and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from lockhouse.project import cache_directory
from lockhouse.state import TEMPORARY, storage_errors
from lockhouse.wheels.facts import READER

__all__ = ["facts_folder", "find_forgettable", "forget"]

WRITING = 3600.0
"""Seconds after which nobody writes any more what has the name of a file that is being written."""


def facts_folder() -> Path:
    """The folder of all facts."""
    return cache_directory() / "facts" / "v1"


def find_forgettable(needed: Collection[str]) -> tuple[Path, ...]:
    """Find the files of facts that can go; ``needed`` are the hashes of wheels whose facts are worth keeping."""
    return tuple(sorted(_forgettable(needed)))


def forget(needed: Collection[str]) -> int:
    """Remove what :func:`find_forgettable` finds; return the bytes that became free."""
    freed = 0
    for path in find_forgettable(needed):
        with storage_errors(path), contextlib.suppress(FileNotFoundError):  # somebody else cleans as well
            size = path.stat().st_size
            path.unlink()
            freed += size
    return freed


def _forgettable(needed: Collection[str]) -> Iterator[Path]:
    for path in facts_folder().glob("??/*"):
        if path.name.startswith(TEMPORARY):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > WRITING:
                    yield path
        elif path.stem not in needed or not _is_current(path):
            yield path


def _is_current(path: Path) -> bool:
    """Whether facts would be used: they are those of the present reader, and can be read."""
    try:
        return bool(json.loads(path.read_bytes())["reader"] == READER)
    except (OSError, ValueError, KeyError, TypeError):
        return False
