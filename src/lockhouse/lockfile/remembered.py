"""The lock as it was read the last time: reading the file with suspicion again takes as long as Python's start.

The memory holds the digest of the file's bytes beside the value that they gave. Any other bytes, another place or
another version of lockhouse, and the file is read anew.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path

import lockhouse
from lockhouse.errors import StorageError
from lockhouse.lockfile.lock import Lock
from lockhouse.lockfile.pylock import read_lock
from lockhouse.state import read_value, write_value

__all__ = ["recall_lock"]

SCHEMA = "remembered-lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remembered:
    """A lock and what it was read from; the place counts, because paths in a lock are relative to it."""

    version: str
    place: str
    sha256: str
    lock: Lock


def recall_lock(path: Path, memory: Path) -> Lock | None:
    """Read a lock as :func:`read_lock` does, or take what ``memory`` (a file of ours) says these bytes are."""
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return read_lock(path)
    known = read_value(memory, _Remembered, SCHEMA)
    if known is not None and (known.version, known.place, known.sha256) == (lockhouse.__version__, str(path), sha256):
        return known.lock
    lock = read_lock(path)
    if lock is not None:
        seen = _Remembered(version=lockhouse.__version__, place=str(path), sha256=sha256, lock=lock)
        with contextlib.suppress(StorageError):  # a memory that cannot be written costs time and nothing else
            write_value(memory, seen, SCHEMA, durable=False)
    return lock
