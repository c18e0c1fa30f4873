"""The index of what the store keeps in a folder: what it is, and every file below it, in one file.

A line with the sha256 of the rest, so that one that is not whole is none; a line of JSON; and then columns, one value
per file, because tens of thousands of files are read at every run.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from lockhouse.columns import pack, unpack

__all__ = ["INDEX", "Folder", "Kept", "read_index", "write_index"]

INDEX = "index"

KINDS = (("modes", "H", 2), ("sizes", "Q", 8), ("inodes", "Q", 8), ("mtimes", "q", 8))
"""The columns of numbers in their order on disk: name, type code, bytes for each file."""

HASH = 32
"""Bytes of a sha256."""

ENCODING = ("utf-8", "surrogatepass")


class Folder(NamedTuple):
    """A folder that holds files, as its path below where all of them are, and their names."""

    path: str
    names: tuple[str, ...]


class Kept(NamedTuple):
    """Files that were written into the store, in the order of ``folders`` and of the names in them, both sorted.

    ``modes`` are 0o111 for files that may be run and 0 for others, ``sizes`` bytes, ``hashes`` 32 bytes of sha256 each,
    ``inodes`` their numbers as far as a column keeps them, ``mtimes`` times of modification in nanoseconds.
    """

    folders: tuple[Folder, ...]
    modes: array[int]
    sizes: array[int]
    hashes: bytes
    inodes: array[int]
    mtimes: array[int]

    def by_folder(self) -> Iterator[tuple[str, tuple[str, ...], slice]]:
        """Give every folder's path, the names in it, and where these are in the columns."""
        end = 0
        for path, names in self.folders:
            begin, end = end, end + len(names)
            yield path, names, slice(begin, end)

    @property
    def paths(self) -> Iterator[str]:
        """Every file's path, in the order of the columns."""
        return (f"{path}/{name}" if path else name for path, names in self.folders for name in names)


def write_index(home: Path, head: Mapping[str, object], kept: Kept) -> None:
    """Write the index of what is kept in ``home``; ``head`` is what else it has to say, and JSON can.

    Nothing is forced to the disk: what a power cut leaves of an index is no index.
    """
    document = {
        **head,
        "folders": [folder.path for folder in kept.folders],
        "counts": [len(folder.names) for folder in kept.folders],
    }
    line = json.dumps(document, separators=(",", ":")).encode()
    columns = (pack(kind, getattr(kept, name)) for name, kind, _ in KINDS)
    names = "\0".join(name for folder in kept.folders for name in folder.names).encode(*ENCODING)
    data = b"".join((line, b"\n", *columns, kept.hashes, names))
    (home / INDEX).write_bytes(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)


def read_index(home: Path, schema: str) -> tuple[dict[str, Any], Kept] | None:
    """Read the index in ``home``: its head without what the files say, and these.

    None if there is none, if it is of another ``schema``, or not the one that was written.
    """
    try:
        sealed, _, data = (home / INDEX).read_bytes().partition(b"\n")
        if hashlib.sha256(data).hexdigest().encode() != sealed:
            return None
        end = data.index(b"\n") + 1
        head = json.loads(data[:end])
        if head.pop("schema") != schema:
            return None
        ends = list(accumulate(head.pop("counts"), initial=0))
        columns = {}
        for name, kind, width in KINDS:
            begin, end = end, end + width * ends[-1]
            columns[name] = unpack(kind, data[begin:end])
        begin, end = end, end + HASH * ends[-1]
        names = data[end:].decode(*ENCODING).split("\0") if ends[-1] else []
        paths = head.pop("folders")
        if len(names) != ends[-1] or len(paths) != len(ends) - 1 or ends != sorted(ends):
            return None
        folders = (
            Folder(path, tuple(names[first:last])) for path, first, last in zip(paths, ends, ends[1:], strict=False)
        )
        return head, Kept(folders=tuple(folders), hashes=data[begin:end], **columns)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
