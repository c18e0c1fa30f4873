"""The lock as it was read the last time: reading the file with suspicion again takes as long as Python's start.

The memory holds the digest of the file's bytes beside the value that they gave. Any other bytes, another place or
another version of lockhouse, and the file is read anew.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import lockhouse
from lockhouse.errors import Hint, LockUnusable, Problem, StorageError
from lockhouse.lockfile.lock import Lock
from lockhouse.lockfile.pylock import read_lock
from lockhouse.state import read_value, write_value
from lockhouse.values import dataclass

__all__ = ["recall_lock", "remembered_lock"]

SCHEMA = "remembered-lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remembered:
    """A lock and what it was read from; the place counts, because paths in a lock are relative to it."""

    version: str
    place: str
    sha256: str
    lock: Lock


def recall_lock(path: Path, memory: Path, *, name: str, variant: str) -> Lock | None:
    """Read the lock of a manifest's variant as :func:`read_lock` does, or take what ``memory`` says these bytes are.

    ``memory`` is a file of ours. Raises LockUnusable also where the file is the lock of another manifest or variant.
    """
    lock = _recall(path, memory)
    if lock is not None:
        _check_owner(path, lock, name, variant)
    return lock


def remembered_lock(path: Path, memory: Path, sha256: str) -> Lock | None:
    """Give the lock that the file's bytes, of that ``sha256``, gave the last time; None if they are not remembered."""
    known = read_value(memory, _Remembered, SCHEMA)
    if known is not None and (known.version, known.place, known.sha256) == (lockhouse.__version__, str(path), sha256):
        return known.lock
    return None


def _recall(path: Path, memory: Path) -> Lock | None:
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return read_lock(path)
    lock = remembered_lock(path, memory, sha256)
    if lock is not None:
        return lock
    lock = read_lock(path)
    if lock is not None:
        seen = _Remembered(version=lockhouse.__version__, place=str(path), sha256=sha256, lock=lock)
        with contextlib.suppress(StorageError):  # a memory that cannot be written costs time and nothing else
            write_value(memory, seen, SCHEMA, durable=False)
    return lock


def _check_owner(path: Path, lock: Lock, name: str, variant: str) -> None:
    """Make sure that a lock is that of a manifest and variant; raises LockUnusable.

    Names of files run together: ``llm`` for ``2024-cpu`` is ``llm-2024`` for ``cpu``, and ``rocm7.2`` is ``rocm7_2``.
    """
    if (lock.name, lock.target.variant) == (name, variant):
        return
    raise LockUnusable(
        f"{path.name} is the lock of another environment",
        problems=[
            Problem(
                "tool.lockhouse",
                f"is for the manifest {lock.name!r} and its variant {lock.target.variant!r}, "
                f"not for {name!r} and {variant!r}",
            )
        ],
        hints=[
            Hint("rename-manifest", "give one of the two manifests or variants another name, or move that file away")
        ],
    )
