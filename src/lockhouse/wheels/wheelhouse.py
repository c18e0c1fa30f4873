"""The folder of a project's wheels, and the memory of their hashes.

A wheel is hashed when it is first met. After that its size, times and inode vouch for it: asking again costs one stat.
Nobody waits for the disk: what was hashed in one boot of the machine is hashed once more in the next, in case a power
cut took a part of it. Only where boots cannot be told apart is each wheel forced to the disk when it arrives.
The memory is a convenience: damaged, deleted or not writable, it is made anew or done without.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path

from lockhouse.errors import StorageError, UnsafeWheel
from lockhouse.state import current_boot, move, read_value, storage_errors, write_value
from lockhouse.values import dataclass
from lockhouse.wheels.issues import Issue

__all__ = ["Wheelhouse", "hash_file"]

PATIENCE = 5.0
"""Seconds of hashing and downloading whose results a kill may cost: they would be hashed again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A file as it was when it was hashed. The change time catches what keeps size and modification time.

    ``boot`` is the one that it was hashed in, empty when it was surely on the disk by then.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    sha256: str
    boot: str = ""

    def matches(self, status: os.stat_result) -> bool:
        """Whether the file has not changed since."""
        return (self.size, self.mtime_ns, self.ctime_ns, self.inode) == _stamp(status)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Memory:
    files: Mapping[str, _Seen] = field(default_factory=dict)


class Wheelhouse:
    """A folder of wheels; need not exist yet. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, _Seen] | None = None
        self._remembering = 0
        self._news = False
        self._written = 0.0

    @property
    def partial(self) -> Path:
        """Folder of the files that have not arrived completely."""
        return self.folder / ".partial"

    def arriving(self, filename: str, sha256: str) -> Path:
        """Where the planned wheel of that name and hash is as long as it has not arrived completely."""
        return self.partial / f"{sha256}-{filename}"

    def path(self, filename: str) -> Path:
        """Where the wheel of that name is, or will be; raise UnsafeWheel if the name is no plain file name."""
        if filename in ("", ".", "..") or set(filename) & set("/\\\0"):
            raise UnsafeWheel(filename, Issue.FILE_NAME, "it is no plain file name")
        return self.folder / filename

    def files(self) -> tuple[Path, ...]:
        """The wheels that are here, sorted by name."""
        if not self.folder.is_dir():
            return ()
        return tuple(sorted(path for path in self.folder.glob("*.whl") if path.is_file()))

    def holds(self, filename: str, sha256: str) -> bool:
        """Whether the wheel is here with that hash; never true for an empty hash or a name that is none."""
        try:
            return bool(sha256) and self.sha256(self.path(filename)) == sha256
        except (StorageError, UnsafeWheel):
            return False

    @contextlib.contextmanager
    def remembering(self) -> Iterator[None]:
        """Write what is learnt while the block runs all at once at its end, and every few seconds until then."""
        with self._lock:
            self._remembering += 1
            self._written = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._remembering -= 1
                if self._news and not self._remembering:
                    self._write()

    def sha256(self, path: Path) -> str:
        """Return the hash of a wheel in this folder; raise StorageError if it cannot be read."""
        try:
            status = path.stat()
            with self._lock:
                seen = self._memory().get(path.name)
            boot = current_boot()
            unchanged = seen is not None and seen.matches(status)
            if seen is not None and unchanged and seen.boot in ("", boot):
                return seen.sha256
            digest = hash_file(path)
        except OSError as error:
            raise StorageError(f"cannot read {path}", cause=error.strerror) from error
        # What has not changed since an earlier boot was read from the disk just now.
        self._remember(path, status, digest, "" if unchanged else boot)
        return digest

    def admit(self, arrived: Path, filename: str, sha256: str) -> Path:
        """Move a complete file, whose hash was just taken, to its place: at once or not at all."""
        place, boot = self.path(filename), current_boot()
        with storage_errors(place):
            if not boot:
                with arrived.open("r+b") as file:
                    os.fsync(file.fileno())
            move(arrived, place)
            status = place.stat()
        self._remember(place, status, sha256, boot)
        return place

    def _remember(self, path: Path, status: os.stat_result, digest: str, boot: str) -> None:
        size, mtime_ns, ctime_ns, inode = _stamp(status)
        seen = _Seen(size=size, mtime_ns=mtime_ns, ctime_ns=ctime_ns, inode=inode, sha256=digest, boot=boot)
        with self._lock, contextlib.suppress(OSError, StorageError):
            if not seen.matches(path.stat()):
                return  # it changes while we look at it
            self._memory()[path.name] = seen
            self._news = True
            if not self._remembering or time.monotonic() - self._written > PATIENCE:
                self._write()

    def _write(self) -> None:
        """Write the memory, without what is gone."""
        with contextlib.suppress(OSError, StorageError):
            names = {path.name for path in self.folder.iterdir()}
            here = {name: seen for name, seen in self._memory().items() if name in names}
            write_value(self._file, _Memory(files=here), "wheelhouse")
        self._news = False
        self._written = time.monotonic()

    def _memory(self) -> dict[str, _Seen]:
        if self._known is None:
            memory = read_value(self._file, _Memory, "wheelhouse")
            self._known = dict(memory.files) if memory else {}
        return self._known

    @property
    def _file(self) -> Path:
        return self.folder / ".hashes.json"


def hash_file(path: Path) -> str:
    """Return the sha256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
