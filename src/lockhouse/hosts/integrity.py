"""Whether the files of distributions are as they were, and as their RECORD says."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lockhouse.hosts.reading import recorded_paths
from lockhouse.inventory import HostDistribution
from lockhouse.wheels.record import read_record

__all__ = ["FileState", "changes_since", "record_faults", "states_of"]

FileState = tuple[int, int, int, int]
"""What says that nobody wrote to a file: inode, size, and the times of its last change, of content and of anything."""

BYTECODE = (".pyc", ".pyo")


def states_of(distributions: Iterable[HostDistribution]) -> Mapping[str, FileState]:
    """Note how every file of some distributions is; without RECORD they are known by the packages that they provide."""
    return {path: state for item in distributions for path in _files(item) if (state := _state(path)) is not None}


def changes_since(before: Mapping[str, FileState]) -> tuple[str, ...]:
    """Give the files that are not as they were, sorted."""
    return tuple(sorted(path for path, state in before.items() if _state(path) != state))


def record_faults(item: HostDistribution, *, deep: bool) -> tuple[str, ...]:
    """Give the files of a distribution that are not what its RECORD says, sorted; ``deep`` compares hashes, too.

    Bytecode is not compared: whoever imports writes it anew.
    """
    try:
        entries = read_record((Path(item.metadata) / "RECORD").read_bytes(), [])
    except OSError:
        return ()
    faults = []
    for path, entry in entries.items():
        if path.endswith(BYTECODE) or not entry.algorithm:
            continue
        place = f"{item.site}/{path}"
        try:
            size = os.stat(place).st_size  # noqa: PTH116
        except OSError:
            faults.append(path)
            continue
        other_size = entry.size is not None and size != entry.size
        if other_size or (deep and _digest(place, entry.algorithm) != entry.digest):
            faults.append(path)
    return tuple(sorted(faults))


def _files(item: HostDistribution) -> Iterator[str]:
    paths = recorded_paths(item)
    if paths is not None:
        yield from (os.path.normpath(f"{item.site}/{path}") for path in paths if not path.endswith(BYTECODE))
        return
    for name in item.imports:
        place = f"{item.site}/{name.replace('.', '/')}"
        yield f"{place}.py"
        for folder, _, names in os.walk(place):
            yield from (f"{folder}/{found}" for found in names if not found.endswith(BYTECODE))


def _state(path: str) -> FileState | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _digest(path: str, algorithm: str) -> str | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return hashlib.file_digest(file, algorithm).hexdigest()
    except (OSError, ValueError):
        return None
