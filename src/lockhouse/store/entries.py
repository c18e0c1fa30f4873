"""An entry of the store: the files of one unpacked wheel and what an installation must know of it, in one index."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import time
from array import array
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lockhouse.columns import INODE
from lockhouse.store.index import INDEX, Folder, Kept, read_index, write_index
from lockhouse.values import dataclass
from lockhouse.wheels.commands import EntryPoint

if TYPE_CHECKING:
    from lockhouse.wheels.wheelfile import Wheel

__all__ = [
    "EXECUTABLE",
    "FILES",
    "RECORD",
    "Entry",
    "StoredFile",
    "mtime_of",
    "read_entry",
    "write_entry",
]

SCHEMA = "lockhouse.store-entry/3"
RECORD = "record"
FILES = "files"

EPOCH = 946_684_800
SPAN = 0x1FFF_FFFF
"""Times of files lie between 2000-01-01 UTC, in seconds, and 17 years later."""

EXECUTABLE = 0o111
"""Bits of the mode of a file that may be run."""

TICK = 20_000_000
"""Nanoseconds; clocks of file systems advance in steps of at most 10 ms."""

_known: dict[Path, tuple[tuple[int, int, int, int], Entry]] = {}


class StoredFile(NamedTuple):
    """A file of an entry. ``path`` is that in the wheel, ``size`` in bytes, ``sha256`` in hex."""

    path: str
    executable: bool
    size: int
    sha256: str
    mtime_ns: int
    inode: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A published entry. ``folder`` holds the unpacked files as they lie in the wheel; ``home`` is all of the entry.

    ``kept`` is what these were when they were written. ``rewritten`` are scripts whose first line names no interpreter
    yet (``#!python``): they are written into an environment, never linked. ``boot`` is the boot of the machine that it
    was written in, empty where that cannot be told.
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
    kept: Kept
    rewritten: frozenset[str]
    record_sha256: str
    boot: str

    @property
    def folder(self) -> Path:
        """Where the unpacked files are."""
        return self.home / FILES

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Every file's path in the wheel, in the order of the columns."""
        return tuple(self.kept.paths)

    @cached_property
    def files(self) -> tuple[StoredFile, ...]:
        """Every file, in the order of the columns."""
        hashes = self.kept.hashes.hex()
        return tuple(
            StoredFile(path, mode != 0, size, hashes[start : start + 64], mtime_ns, inode)
            for path, mode, size, inode, mtime_ns, start in zip(
                self.paths,
                self.kept.modes,
                self.kept.sizes,
                self.kept.inodes,
                self.kept.mtimes,
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
        return sum(self.kept.sizes)

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
    found = read_index(home, SCHEMA)
    if found is None:
        return None
    head, kept = found
    try:
        head["rewritten"] = frozenset(head["rewritten"])
        head["commands"] = tuple(map(tuple, head["commands"]))
        return Entry(home=home, kept=kept, **head) if head["sha256"] == home.name else None
    except (KeyError, TypeError):
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
    kept = Kept(
        folders=tuple(Folder(path, tuple(names)) for path, names in folders.items()),
        modes=array("H", (EXECUTABLE if item.executable else 0 for item in files)),
        sizes=array("Q", (item.size for item in files)),
        hashes=bytes.fromhex("".join(item.sha256 for item in files)),
        inodes=array("Q", (item.inode & INODE for item in files)),
        mtimes=array("q", (item.mtime_ns for item in files)),
    )
    data = record_lines(files, wheel.data_dir).encode()
    (home / RECORD).write_bytes(data)
    head = {
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
        "rewritten": sorted(rewritten),
        "record_sha256": hashlib.sha256(data).hexdigest(),
        "boot": boot,
    }
    write_index(home, head, kept)
