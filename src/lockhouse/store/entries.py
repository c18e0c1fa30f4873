"""An entry of the store: the files of one unpacked wheel and what an installation must know of it, in one index file.

The index is columns, not rows: tens of thousands of files are read at every run, and a list of numbers is read ten
times faster than as many objects. Its first line is the sha256 of the rest: one that is not whole is no index.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from lockhouse.values import dataclass
from lockhouse.wheels.commands import EntryPoint

if TYPE_CHECKING:
    from lockhouse.wheels.wheelfile import Wheel

__all__ = [
    "FILES",
    "INDEX",
    "RECORD",
    "Entry",
    "Folder",
    "StoredFile",
    "mtime_of",
    "mtimes_of",
    "read_entry",
    "write_entry",
]

SCHEMA = "lockhouse.store-entry/2"
INDEX = "index"
RECORD = "record"
FILES = "files"

EPOCH = 946_684_800
SPAN = 0x1FFF_FFFF
"""Times of files lie between 2000-01-01 UTC, in seconds, and 17 years later."""

TICK = 20_000_000
"""Nanoseconds; clocks of file systems advance in steps of at most 10 ms."""

FIRST = Struct(">I28x")
"""The first four of the 32 bytes of a sha256, as a number."""

_known: dict[Path, tuple[tuple[int, int, int, int], Entry]] = {}


class StoredFile(NamedTuple):
    """A file of an entry. ``path`` is that in the wheel, ``size`` in bytes, ``sha256`` in hex."""

    path: str
    executable: bool
    size: int
    sha256: str
    mtime_ns: int
    inode: int


class Folder(NamedTuple):
    """A folder of an entry that holds files, as its path in the wheel, and their names."""

    path: str
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A published entry. ``folder`` holds the unpacked files as they lie in the wheel; ``home`` is all of the entry.

    The columns are all in the order of ``folders``, which are sorted, and of the names in them, sorted as well.
    ``executables`` has ``x`` or ``-`` per file, ``hashes`` 64 hex digits per file. ``rewritten`` are scripts
    whose first line names no interpreter yet (``#!python``): they are written into an environment, never linked.
    ``boot`` is the boot of the machine that it was written in, empty where that cannot be told.
    """

    sha256: str
    home: Path
    filename: str
    name: str
    spelling: str
    version: str
    dist_info: str
    data_dir: str
    root_is_purelib: bool
    commands: tuple[tuple[str, str, bool], ...]
    folders: tuple[Folder, ...]
    executables: str
    sizes: Sequence[int]
    hashes: str
    inodes: Sequence[int]
    rewritten: frozenset[str]
    record_sha256: str
    boot: str

    @property
    def folder(self) -> Path:
        """Where the unpacked files are."""
        return self.home / FILES

    @cached_property
    def mtimes(self) -> Sequence[int]:
        """Modification time of each file in nanoseconds, in the order of the columns."""
        return mtimes_of(self.hashes)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Every file's path in the wheel, in the order of the columns."""
        return tuple(f"{path}/{name}" if path else name for path, names in self.folders for name in names)

    @cached_property
    def files(self) -> tuple[StoredFile, ...]:
        """Every file, in the order of the columns."""
        hashes = self.hashes
        return tuple(
            StoredFile(path, mode == "x", size, hashes[start : start + 64], mtime_ns, inode)
            for path, mode, size, inode, mtime_ns, start in zip(
                self.paths,
                self.executables,
                self.sizes,
                self.inodes,
                self.mtimes,
                range(0, len(hashes), 64),
                strict=True,
            )
        )

    @property
    def entry_points(self) -> tuple[EntryPoint, ...]:
        """The commands that an installation creates."""
        return tuple(EntryPoint(name=name, target=target, gui=gui) for name, target, gui in self.commands)

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(self.sizes)

    def record(self) -> str:
        """RECORD lines of the files beside ``.data``: they are the same in every environment.

        Kept ready: putting them together anew takes as long as linking the files.
        """
        with contextlib.suppress(OSError):
            data = (self.home / RECORD).read_bytes()
            if hashlib.sha256(data).hexdigest() == self.record_sha256:
                return data.decode()
        return record_lines(self.files, self.data_dir)


def mtime_of(sha256: str) -> int:
    """Return the modification time that a file of the store is given, in nanoseconds: its content decides on it.

    Who writes to one leaves another time behind, even who puts another version in its place, time and all. And what
    remembers files by path, size and time, as bytecode outside of an environment does, finds each generation at the
    same path: a time that all files had would let it take one version for another. Whole seconds: archives know no
    others.
    """
    return (EPOCH + (int(sha256[:8], 16) & SPAN)) * 10**9


def mtimes_of(hashes: str) -> list[int]:
    """Return :func:`mtime_of` of each of the hashes, 64 hex digits each."""
    return [(EPOCH + (first & SPAN)) * 10**9 for (first,) in FIRST.iter_unpack(bytes.fromhex(hashes))]


def read_entry(home: Path) -> Entry | None:
    """Read the entry in a folder; None if there is none, or its index is not the one that was written.

    Several steps of a run ask for the same entries: an index that has not changed is read once.
    """
    try:
        found = (home / INDEX).stat()
    except OSError:
        return None
    state = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    known = _known.get(home)
    if known is not None and known[0] == state:
        return known[1]
    entry = _read(home)
    # One that was written just now could be written once more in the same tick of the file system's clock.
    if entry is not None and time.time_ns() - found.st_mtime_ns > TICK:
        _known[home] = (state, entry)
    return entry


def _read(home: Path) -> Entry | None:
    try:
        sealed, _, data = (home / INDEX).read_bytes().partition(b"\n")
        if hashlib.sha256(data).hexdigest().encode() != sealed:
            return None
        document = json.loads(data)
        if document.pop("schema") != SCHEMA or document["sha256"] != home.name:
            return None
        names = document.pop("names")
        folders = tuple(
            Folder(path, tuple(listed.split("\n"))) for path, listed in zip(document.pop("folders"), names, strict=True)
        )
        rewritten = frozenset(document.pop("rewritten"))
        commands = tuple(map(tuple, document.pop("commands")))
        return Entry(home=home, folders=folders, rewritten=rewritten, commands=commands, **document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def record_lines(files: Iterable[StoredFile], data_dir: str) -> str:
    """Write the RECORD lines of what lies beside ``.data``."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    prefix = f"{data_dir}/"
    for item in files:
        if not item.path.startswith(prefix):
            value = urlsafe_b64encode(bytes.fromhex(item.sha256)).decode().rstrip("=")
            rows.writerow((item.path, f"sha256={value}", item.size))
    return text.getvalue()


def write_entry(
    home: Path, wheel: Wheel, sha256: str, files: Sequence[StoredFile], rewritten: Sequence[str], boot: str
) -> None:
    """Write the index of an entry that is being made in ``home``: the last thing that happens there.

    Nothing is forced to the disk: what a power cut leaves of an index is no index, and what it leaves of files is found
    out by ``boot`` and the sizes.
    """
    files = sorted(files, key=lambda item: item.path.rpartition("/"))
    folders: dict[str, list[str]] = {}
    for item in files:
        folder, _, name = item.path.rpartition("/")
        folders.setdefault(folder, []).append(name)
    data = record_lines(files, wheel.data_dir).encode()
    (home / RECORD).write_bytes(data)
    document = {
        "schema": SCHEMA,
        "sha256": sha256,
        "filename": wheel.filename,
        "name": wheel.name,
        "spelling": wheel.metadata.name,
        "version": str(wheel.version),
        "dist_info": wheel.dist_info,
        "data_dir": wheel.data_dir,
        "root_is_purelib": wheel.root_is_purelib,
        "commands": [(point.name, point.target, point.gui) for point in wheel.entry_points],
        "folders": list(folders),
        "names": ["\n".join(names) for names in folders.values()],
        "executables": "".join("x" if item.executable else "-" for item in files),
        "sizes": [item.size for item in files],
        "hashes": "".join(item.sha256 for item in files),
        "inodes": [item.inode for item in files],
        "rewritten": sorted(rewritten),
        "record_sha256": hashlib.sha256(data).hexdigest(),
        "boot": boot,
    }
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    (home / INDEX).write_bytes(hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
