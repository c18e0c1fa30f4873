"""The store of one user: which entries there are, how one comes to be, and how one goes."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from lockhouse.environments.removal import remove_tree
from lockhouse.errors import StorageError
from lockhouse.events import Emit, discard
from lockhouse.project import cache_directory
from lockhouse.state import storage_errors
from lockhouse.store.entries import FILES, MTIME_NS, Entry, read_entry, write_entry

__all__ = ["Store"]

VERSION = "v1"
UNPACKING = ".unpacking-"
TRASH = ".trash-"
# What a rename says when there is a folder with something in it already.
OCCUPIED = (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES)


class Store:
    """Unpacked wheels, keyed by the sha256 of the wheel. Safe for several threads and several processes at once.

    ``folder`` need not exist yet.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_directory() / "store"
        self.shelves = self.folder / VERSION

    def home(self, sha256: str) -> Path:
        """Where the entry of a wheel is, or will be."""
        return self.shelves / sha256[:2] / sha256

    def entry(self, sha256: str) -> Entry | None:
        """Return the published entry of a wheel, or None; none of its files is looked at."""
        return read_entry(self.home(sha256))

    def admit(self, wheel: Path, sha256: str, emit: Emit = discard) -> Entry:
        """Unpack a wheel unless that has been done; ``sha256`` is what the caller knows it to be.

        Every file is checked against RECORD while it is written. The entry appears at one instant, whole. Raises
        UnsafeWheel, IntegrityError, StorageError; then nothing of it is left.
        """
        entry = self.entry(sha256)
        return entry or self._make(wheel, sha256, replace=False)

    def rebuild(self, entry: Entry, wheel: Path) -> Entry:
        """Unpack a wheel anew in place of a damaged entry. Environments that share files with the old one keep them."""
        return self._make(wheel, entry.sha256, replace=True)

    def damaged(self, entry: Entry) -> bool:
        """Whether a file of the entry is missing or not what it was, as far as size, time and inode tell."""
        try:
            for path, size, inode in zip(entry.paths, entry.sizes, entry.inodes, strict=True):
                found = os.stat(f"{entry.home}/{FILES}/{path}", follow_symlinks=False)  # noqa: PTH116 - tens of thousands
                if (found.st_size, found.st_mtime_ns, found.st_ino) != (size, MTIME_NS, inode):
                    return True
        except OSError:
            return True
        return False

    def entries(self) -> tuple[Entry, ...]:
        """Every published entry, sorted by sha256."""
        homes = sorted(self.shelves.glob("[0-9a-f][0-9a-f]/*"))
        return tuple(entry for home in homes if (entry := read_entry(home)))

    def remove(self, entry: Entry) -> None:
        """Remove an entry: gone at one instant, then deleted. Environments that share its files keep them."""
        self._discard(entry.home)

    def _make(self, wheel: Path, sha256: str, *, replace: bool) -> Entry:
        from lockhouse.store.unpacking import parts_of, record_lines, unpack
        from lockhouse.wheels.wheelfile import read_wheel

        judged = read_wheel(wheel)
        home, temporary = self.home(sha256), self.shelves / f"{UNPACKING}{secrets.token_hex(8)}"
        with storage_errors(home):
            try:
                parts = parts_of(judged)
                for folder in sorted({part.path.rpartition("/")[0] for part in parts}):
                    (temporary / FILES / folder).mkdir(parents=True, exist_ok=True)
                (temporary / FILES).mkdir(parents=True, exist_ok=True)
                found = unpack(str(wheel), judged.filename, parts, str(temporary / FILES))
                files = sorted(item for item, _ in found)
                rewritten = [item.path for item, script in found if script and _is_script(item.path, judged.data_dir)]
                write_entry(
                    temporary, judged, sha256, files, record_lines(files, judged.data_dir), rewritten, current_boot()
                )
                if replace:
                    self._discard(home)
                self._publish(temporary, home)
            finally:
                if temporary.exists():
                    remove_tree(temporary)
        entry = read_entry(home)
        if entry is None:
            raise StorageError(f"cannot write {home}", cause="what was written there cannot be read")
        return entry

    def _publish(self, temporary: Path, home: Path) -> None:
        home.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(3):
            try:
                os.rename(temporary, home)  # noqa: PTH104 - the atomic call itself is the point
                return
            except OSError as error:
                if error.errno not in OCCUPIED or not home.exists():
                    raise
            if read_entry(home) is not None:
                return  # another process was first: its entry serves as well
            self._discard(home)

    def _discard(self, home: Path) -> None:
        trash = self.shelves / f"{TRASH}{secrets.token_hex(8)}"
        with storage_errors(home):
            with contextlib.suppress(FileNotFoundError):
                os.rename(home, trash)  # noqa: PTH104 - the atomic call itself is the point
            if trash.exists():
                remove_tree(trash)

    def _leftovers(self) -> Iterator[Path]:
        yield from self.shelves.glob(f"{UNPACKING}*")
        yield from self.shelves.glob(f"{TRASH}*")


def current_boot() -> str:
    """Name the boot that the machine is in; empty where that cannot be told."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def _is_script(path: str, data_dir: str) -> bool:
    return path.startswith(f"{data_dir}/scripts/")
