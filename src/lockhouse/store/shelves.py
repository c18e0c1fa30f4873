"""The store of one user: which entries there are, how one comes to be, and how one goes."""

from __future__ import annotations

import errno
import secrets
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockhouse.cores import spread
from lockhouse.environments.removal import remove_tree
from lockhouse.environments.scattering import scatter
from lockhouse.errors import BuildError, Hint, StorageError
from lockhouse.events import Emit, discard
from lockhouse.project import cache_directory
from lockhouse.state import move, storage_errors
from lockhouse.store.entries import Entry, read_entry
from lockhouse.store.soundness import is_damaged, is_settled

if TYPE_CHECKING:
    from lockhouse.store.admitting import Advanced
    from lockhouse.store.reserving import Reservations

__all__ = ["Store"]

VERSION = "v1"
UNPACKING = ".unpacking-"
TRASH = ".trash-"
RESERVED = ".reserved"
# What a rename says when there is a folder with something in it already.
OCCUPIED = (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES)
TRIES = 4
"""Times that wheels are looked for, and unpacked, before it is said that somebody removes their entries."""

AT_WORK = 86400.0
"""Seconds after which nobody can be at work on a draft any more."""

WORTH_A_PROCESS = 2000
"""Files whose look takes as long as starting a process."""


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
        return self.admit_all({sha256: wheel})[sha256]

    def admit_all(
        self,
        wheels: Mapping[str, Path],
        advanced: Advanced = lambda _done, _total: None,
        given_up: threading.Event | None = None,
    ) -> dict[str, Entry]:
        """Do :meth:`admit` for many wheels, keyed by sha256, on all cores; what another process unpacks is left to it.

        ``advanced`` is told of the bytes of wheels that are unpacked and of how many there are to
        unpack. Setting ``given_up`` makes this raise BuildError soon. What was published before an error stays.
        """
        for _ in range(TRIES):
            entries = self._known(wheels)
            missing = {sha256: wheel for sha256, wheel in wheels.items() if sha256 not in entries}
            if not missing:
                return entries
            self._make_all(missing, advanced, given_up or threading.Event())
        # Until it is linked an entry is one that nobody uses.
        raise StorageError(
            f"entries of {self.folder} go as soon as they are there",
            cause="somebody else frees what is not in use yet: clean, for another project",
            hints=[Hint("run-again", "run it again when that has come to its end")],
        )

    def settled(self, wheels: Mapping[str, Path], advanced: Advanced = lambda _done, _total: None) -> dict[str, Entry]:
        """Do :meth:`admit_all`, after an entry from before the machine last started was read as a whole, once.

        A power cut may have left files that have the right size and not the right content.
        """
        known = self._known(wheels)
        return self._renewed(wheels, known, [entry for entry in known.values() if not _is_settled(entry)], advanced)

    def sound(self, wheels: Mapping[str, Path], advanced: Advanced = lambda _done, _total: None) -> dict[str, Entry]:
        """Do :meth:`settled`, and look at every file of what was there before: what was damaged is made anew."""
        known = self._known(wheels)
        damaged = self._all_damaged(list(known.values()))
        unsound = [entry for entry in known.values() if entry.sha256 in damaged or not _is_settled(entry)]
        return self._renewed(wheels, known, unsound, advanced)

    def rebuild(self, entry: Entry, wheel: Path) -> Entry:
        """Unpack a wheel anew in place of a damaged entry. Environments that share files with the old one keep them."""
        self.discard(entry.home)
        return self.admit(wheel, entry.sha256)

    def damaged(self, entry: Entry) -> bool:
        """Whether a file of the entry is missing or not what it was, as far as size, time and inode tell."""
        return is_damaged(entry.folder, entry.kept)

    def homes(self) -> tuple[Path, ...]:
        """Where there are entries, or what is left of some, sorted by sha256; that is a folder's name."""
        return tuple(sorted(self.shelves.glob("[0-9a-f][0-9a-f]/*")))

    def entries(self) -> tuple[Entry, ...]:
        """Every published entry, sorted by sha256."""
        return tuple(entry for home in self.homes() if (entry := read_entry(home)))

    def remove(self, entry: Entry) -> None:
        """Remove an entry: gone at one instant, then deleted. Environments that share its files keep them."""
        self.discard(entry.home)

    def _known(self, wheels: Iterable[str]) -> dict[str, Entry]:
        return {sha256: entry for sha256 in wheels if (entry := self.entry(sha256))}

    def _renewed(
        self, wheels: Mapping[str, Path], known: Mapping[str, Entry], unsound: Iterable[Entry], advanced: Advanced
    ) -> dict[str, Entry]:
        """Give the entries of wheels: the known ones, and those that are unsound or missing made anew."""
        kept = dict(known)
        for entry in unsound:
            self.discard(entry.home)
            del kept[entry.sha256]
        return kept | self.admit_all({sha256: wheels[sha256] for sha256 in wheels if sha256 not in kept}, advanced)

    def _all_damaged(self, entries: Sequence[Entry]) -> set[str]:
        """Give the sha256 of the wheels whose entries are damaged; tens of thousands of files are looked at."""

        def look(share: Sequence[Entry]) -> list[str]:
            return [entry.sha256 for entry in share if is_damaged(entry.folder, entry.kept)]

        found = spread(look, entries, [len(entry.kept.sizes) for entry in entries], WORTH_A_PROCESS)
        return {sha256 for share in found for sha256 in share}

    def in_the_making(self, draft: Path) -> bool:
        """Whether somebody may be at work on a draft now."""
        sha256 = wheel_of(draft)
        reservations = self.reservations()
        try:
            if not reservations.take(sha256):
                return True
            # Where there are no locks only its age tells.
            return not reservations.alone(sha256) and time.time() - draft.stat().st_mtime < AT_WORK
        except FileNotFoundError:
            return False
        finally:
            reservations.give_all()

    def _make_all(self, wheels: Mapping[str, Path], advanced: Advanced, given_up: threading.Event) -> None:
        from lockhouse.store.admitting import make_free

        waiting = dict(wheels)
        sizes = {sha256: size_of(wheel) for sha256, wheel in wheels.items()}
        total, told = sum(sizes.values()), 0

        def tell(done: int) -> None:
            nonlocal told
            told = max(told, done)
            advanced(told, total)

        tell(0)
        with storage_errors(self.shelves):
            self.reservations().folder.mkdir(parents=True, exist_ok=True)
            scatter(self.shelves)
        while waiting:
            before = total - sum(sizes[sha256] for sha256 in waiting)
            make_free(self, waiting, lambda done, before=before: tell(before + done), given_up)  # type: ignore[misc]
            # Only now, holding nothing, is it safe to wait for others. Where they fail, it is our turn.
            for sha256 in list(waiting):
                if self.entry(sha256) is None:
                    self.reservations().wait(sha256, given_up)
                if given_up.is_set():
                    raise BuildError("the installation was given up")
                if self.entry(sha256) is not None:
                    del waiting[sha256]
        tell(total)  # also what others unpacked, and what lies between the members

    def reservations(self) -> Reservations:
        """Give what entries are reserved with by one who makes some."""
        from lockhouse.store.reserving import Reservations

        return Reservations(self.shelves / RESERVED)

    def drafts(self) -> dict[str, list[Path]]:
        """Give the drafts that there are by their wheels: who can reserve a wheel knows that they were left behind."""
        drafts: dict[str, list[Path]] = {}
        for draft in self.shelves.glob(f"{UNPACKING}*"):
            drafts.setdefault(wheel_of(draft), []).append(draft)
        return drafts

    def publish(self, temporary: Path, home: Path) -> bool:
        """Put a draft in its place; False if another process was first, whose entry serves as well."""
        home.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(3):
            try:
                move(temporary, home)
                return True
            except OSError as error:
                if error.errno not in OCCUPIED or not home.exists():
                    raise
            if read_entry(home) is not None:
                return False
            self.discard(home)
        return False

    def discard(self, home: Path) -> bool:
        """Remove the folder of an entry: gone at one instant, then deleted. False if somebody else did."""
        trash = self.shelves / f"{TRASH}{secrets.token_hex(8)}"
        with storage_errors(home):
            try:
                move(home, trash)
            except FileNotFoundError:
                return False
            remove_tree(trash)
        return True


def _is_settled(entry: Entry) -> bool:
    return is_settled(entry.home, entry.folder, entry.kept, entry.boot)


def size_of(wheel: Path) -> int:
    """Bytes of a wheel; raises StorageError."""
    try:
        return wheel.stat().st_size
    except OSError as error:
        raise StorageError(f"cannot read {wheel}", cause=error.strerror) from error


def wheel_of(draft: Path) -> str:
    """Name the wheel that a draft is of, by its sha256."""
    return draft.name.removeprefix(UNPACKING).partition("-")[0]
