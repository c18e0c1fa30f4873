"""Values on disk: one JSON file each in the manifest's state folder, written atomically.

A file that is missing, damaged or of another version counts as absent: the step that makes it runs again.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

from lockhouse.codec import DecodeError, decode, encode
from lockhouse.errors import Hint, StorageError
from lockhouse.evidence import VerifyReport
from lockhouse.findings import ScanReport
from lockhouse.host import Host
from lockhouse.plan import Plan

__all__ = [
    "TEMPORARY",
    "State",
    "current_boot",
    "move",
    "read_value",
    "refused",
    "storage_errors",
    "sweep",
    "write_atomically",
    "write_value",
]

T = TypeVar("T")

REFUSALS = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.EIO),
        *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG),
    }
)
"""What an operating system says no with although lockhouse did nothing wrong."""

TEMPORARY = ".lockhouse-writing-"
"""How the names of files begin that are being written."""

PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between two attempts to rename what somebody holds."""

LONG = 248
"""Characters of a path from which on Windows may refuse it by default ("Maximum Path Length Limitation")."""

LONG_PATHS = Hint(
    "long-paths",
    "its path may be too long for Windows: set LongPathsEnabled in the registry (its documentation says how, under "
    "Maximum Path Length Limitation), or move the project nearer to the top of its drive",
)

FILES: dict[type, str] = {Host: "host", Plan: "plan", ScanReport: "scan", VerifyReport: "verify"}


class State:
    """The values of one manifest. Reads are remembered until the same kind of value is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written: set[type] = set()
        """Kinds of which a value was written here; whoever reads it may clear it."""
        self.lenient = False
        """Whether a value that cannot be written is good enough for the run that made it."""
        self.unkept: StorageError | None = None
        """Why a value was not kept, if one was not."""
        self._known: dict[type, object] = {}

    def path(self, kind: type) -> Path:
        """Where a kind of value is kept."""
        return self.folder / f"{FILES[kind]}.json"

    def read(self, kind: type[T]) -> T | None:
        """Return the value of that kind, or None where there is none that can be used."""
        if kind not in self._known:
            value = read_value(self.path(kind), kind, FILES[kind])
            if value is None:
                return None
            self._known[kind] = value
        known = self._known[kind]
        assert isinstance(known, kind)
        return known

    def write(self, value: object) -> None:
        """Keep a value in place of the earlier one of its kind."""
        kind = type(value)
        try:
            write_value(self.path(kind), value, FILES[kind])
        except StorageError as error:
            if not self.lenient:
                raise
            self.unkept = error
            with contextlib.suppress(OSError):
                self.path(kind).unlink()  # the earlier one is not the last word any more
        self._known[kind] = value
        self.written.add(kind)

    def refresh(self) -> None:
        """Read anew what is read next: somebody else may have written."""
        self._known.clear()

    def forget(self, kind: type) -> None:
        """Remove the value of that kind."""
        self._known.pop(kind, None)
        with storage_errors(self.path(kind)):
            self.path(kind).unlink(missing_ok=True)


def read_value(path: Path, kind: type[T], name: str) -> T | None:
    """Read a value that :func:`write_value` wrote; None if it is absent, damaged or of another version."""
    try:
        document = json.loads(path.read_bytes())
        if document.pop("schema") != f"lockhouse.{name}/1":
            return None
        return decode(kind, document)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, DecodeError, RecursionError):
        return None


def write_value(path: Path, value: object, name: str, *, durable: bool = False) -> None:
    """Write a value as JSON with its schema's name, atomically; ``durable`` as in :func:`write_atomically`."""
    document = {"schema": f"lockhouse.{name}/1", **encode(value)}
    write_atomically(path, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode(), durable=durable)


def write_atomically(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write a file so that at any instant it has its old content or all of the new; creates its folder.

    What is not ``durable`` may have its old content or none after a loss of power, never after a kill. Then it counts
    as absent and is made again: waiting for the disk takes as long as all else that a rebuild does.
    """
    temporary = path.with_name(f"{TEMPORARY}{path.name}.{os.getpid()}-{threading.get_ident()}")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            move(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


def move(source: Path, target: Path) -> None:
    """Rename a file or folder at one instant, in place of the file ``target`` if there is one; raises OSError.

    Windows refuses while a virus scanner, an indexer or another reader has a file, or one in the folder, open: there it
    is tried again for a second and a half.
    """
    # Windows must not be asked to replace where a folder is renamed (MoveFileEx, MOVEFILE_REPLACE_EXISTING).
    rename = os.rename if source.is_dir() else os.replace
    for pause in PAUSES if sys.platform == "win32" else ():
        try:
            rename(source, target)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    rename(source, target)


@cache
def current_boot() -> str:
    """Name the boot that the machine is in; empty where that cannot be told.

    What was written without forcing it to the disk is there as long as the machine runs; a power cut may take it.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def sweep(*folders: Path) -> None:
    """Remove what writes that were killed left behind; nobody else may be writing there."""
    for folder in folders:
        for path in folder.glob(f"{TEMPORARY}*"):
            with contextlib.suppress(OSError):
                path.unlink()


def refused(error: OSError) -> StorageError | None:
    """Say what a system refused that lockhouse asked for rightly; None where lockhouse may have been wrong to ask."""
    if error.errno not in REFUSALS:
        return None
    where = f" at {error.filename}" if error.filename else ""
    return StorageError(f"the system refused{where}", cause=error.strerror)


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError on ``path`` into a StorageError that names it."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        if TEMPORARY in str(where):
            where = path  # nobody knows the name that it has while it is written
        hints = [LONG_PATHS] if sys.platform == "win32" and len(str(where)) >= LONG else []
        raise StorageError(f"cannot write {where}", cause=error.strerror or str(error), hints=hints) from error
