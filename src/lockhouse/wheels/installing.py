"""Wheels into an environment: files linked from the store, and around them what only this environment can have.

Scripts name its interpreter, RECORD and the notes beside it say who installed what: these are written, by the rules of
the wheel standard. No file replaces another.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import os
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from pathlib import Path

from lockhouse.cores import at_once
from lockhouse.environments import Scheme
from lockhouse.environments.generations import METADATA
from lockhouse.errors import BuildError, Hint, StorageError
from lockhouse.state import storage_errors
from lockhouse.store.bringing import Damaged, bring
from lockhouse.store.entries import EXECUTABLE, Entry, StoredFile
from lockhouse.store.linking import Conflict, LinkMode, Transfer, link_tree
from lockhouse.store.placements import Placement, read_placements, write_placements
from lockhouse.store.soundness import Written
from lockhouse.values import dataclass
from lockhouse.wheels.ownership import collision, holds_the_same, owner_of
from lockhouse.wheels.scripts import check_commands, generate_script, with_interpreter

__all__ = ["INSTALLER", "DamagedEntries", "Installation", "Wanted"]

INSTALLER = b"lockhouse\n"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A wheel to install. ``requested``: somebody listed it, it is no mere dependency (PEP 376, REQUESTED)."""

    entry: Entry
    requested: bool = False


@dataclass(slots=True)
class _Work:
    """A wheel on its way. ``listed`` are the files that stand in its RECORD besides those at the wheel's root."""

    entry: Entry
    placement: Placement
    transfers: list[Transfer] = field(default_factory=list)
    rewritten: list[tuple[str, bytes]] = field(default_factory=list)
    besides: list[str] = field(default_factory=list)
    listed: list[tuple[str, str, int]] = field(default_factory=list)


class DamagedEntries(StorageError):
    """Files of the store are not those that were written there; the cause names the wheels they are from."""

    def __init__(self, wheels: Iterable[str]) -> None:
        hint = Hint("run-again", "run the command again: it unpacks them anew")
        super().__init__("files of the store were changed", cause=", ".join(sorted(wheels)), hints=[hint])


class Installation:
    """Wheels that go into the environment at ``root``, one stage after the other.

    ``advanced`` is told how many files have been linked.
    """

    def __init__(
        self, root: Path, scheme: Scheme, mode: LinkMode, advanced: Callable[[int], None] = lambda _: None
    ) -> None:
        self.root = root
        self.scheme = scheme
        self.mode: LinkMode = mode
        self.advanced = advanced
        self._given_up = threading.Event()
        self._places = {
            name: self._relative(place)
            for name, place in {
                "purelib": scheme.purelib,
                "platlib": scheme.platlib,
                "scripts": scheme.scripts,
                "data": scheme.data,
                "headers": scheme.headers,
            }.items()
        }
        self._reserved = f"{root}/{METADATA}".casefold()

    def abandon(self) -> None:
        """Let an :meth:`install` that is under way end soon, with a BuildError."""
        self._given_up.set()

    def install(self, wanted: Sequence[Wanted]) -> None:
        """Install wheels together: none of them is there before all are.

        Raises DamagedEntries when files of the store are not those that were written: then nothing of all this is
        there, and it can be done again with sound ones. Raises UnsafeWheel for a command that is none, BuildError when
        another file is in the way, StorageError. The environment is then to be thrown away.
        """
        for item in wanted:
            check_commands(item.entry)
        with storage_errors(self.root):
            works = [self._plan(item.entry) for item in wanted]
            self._make_folders(works)
            for work, conflict in self._link(works):
                self._judge(works, work, conflict)
            for work, item in zip(works, wanted, strict=True):
                self._complete(works, work, requested=item.requested)
            placements = [replace(work.placement, besides=tuple(work.besides)) for work in works]
            write_placements(self.root, [*read_placements(self.root), *placements])

    def _plan(self, entry: Entry) -> _Work:
        # "headers" of a distribution go to a folder of its own, as pip does it.
        data = {**self._places, "headers": f"{self._places['headers']}/{entry.spelling}".lstrip("/")}
        site = data["purelib" if entry.root_is_purelib else "platlib"]
        work = _Work(entry, Placement(sha256=entry.sha256, mode=self.mode, root=site, data=data))
        source = str(entry.folder)
        kept = entry.kept
        for folder, names, rows in kept.by_folder():
            place = work.placement.place(folder, entry.data_dir)
            transfer = Transfer(
                f"{source}/{folder}" if folder else source,
                f"{self.root}/{place}" if place else str(self.root),
                names,
                kept.modes[rows],
                Written(kept.sizes[rows], kept.mtimes[rows], kept.inodes[rows]),
            )
            self._check_places(entry, transfer)
            if folder.startswith(f"{entry.data_dir}/"):
                transfer = self._set_apart(work, transfer, entry.files[rows])
            work.transfers.append(transfer)
        return work

    def _check_places(self, entry: Entry, transfer: Transfer) -> None:
        folder = f"{transfer.target}/".casefold()
        # Almost every folder is neither in it nor where it lies: then no name needs to be looked at.
        if not (folder.startswith(self._reserved) or self._reserved.startswith(folder)):
            return
        for name in transfer.names:
            if (folder + name.casefold()).startswith(self._reserved):
                raise BuildError(f"{entry.name} brings {transfer.target}/{name}, where no distribution may write")

    def _set_apart(self, work: _Work, transfer: Transfer, files: Sequence[StoredFile]) -> Transfer:
        """Note the files of ``.data`` for RECORD; leave those to be linked that are not to be written."""
        linked = []
        for name, item in zip(transfer.names, files, strict=True):
            place = f"{transfer.target}/{name}"
            if item.path in work.entry.rewritten:
                work.rewritten.append((place, self._script(work.entry, item)))
                work.besides.append(item.path)
            else:
                linked.append((name, item))
                work.listed.append((place, item.sha256, item.size))
        return transfer._replace(
            names=[name for name, _ in linked],
            modes=[EXECUTABLE if item.executable else 0 for _, item in linked],
            written=Written(
                [item.size for _, item in linked],
                [item.mtime_ns for _, item in linked],
                [item.inode for _, item in linked],
            ),
        )

    def _script(self, entry: Entry, item: StoredFile) -> bytes:
        with contextlib.suppress(OSError):
            data = (entry.folder / item.path).read_bytes()
            if hashlib.sha256(data).hexdigest() == item.sha256:
                return with_interpreter(data, self.scheme.python)
        raise DamagedEntries([entry.filename])

    def _make_folders(self, works: Sequence[_Work]) -> None:
        owners = {transfer.target: work.entry.name for work in reversed(works) for transfer in work.transfers}
        folders = sorted(owners)

        def make(share: Sequence[str]) -> None:
            made: set[str] = set()
            for folder in share:
                self._make_folder(folder, owners[folder], made)

        middle = len(folders) // 2
        at_once(make, folders[:middle], folders[middle:])  # more would only wait for the file system's journal

    def _make_folder(self, folder: str, name: str, made: set[str]) -> None:
        if folder in made:
            return
        made.add(folder)
        try:
            try:
                os.mkdir(folder)  # noqa: PTH102 - thousands of them
            except FileNotFoundError:
                self._make_folder(os.path.dirname(folder), name, made)  # noqa: PTH120
                os.mkdir(folder)  # noqa: PTH102
        except (FileExistsError, NotADirectoryError) as error:
            # It may also be that another thread was faster.
            if not os.path.isdir(folder):  # noqa: PTH112
                place = next(path for path in (Path(folder), *Path(folder).parents) if os.path.lexists(path))
                raise collision(self.root, place, owner_of(place, self.scheme), name) from error

    def _link(self, works: Sequence[_Work]) -> list[tuple[_Work, Conflict]]:
        """Bring all files and give those for which there was no place."""
        owners = [work for work in works for _ in work.transfers]
        transfers = [transfer for work in works for transfer in work.transfers]
        try:
            conflicts = bring(transfers, self.mode, self.advanced, self._given_up)
        except Damaged as damaged:
            raise DamagedEntries({owners[place].entry.filename for place in damaged.places}) from damaged
        return [(owners[place], conflict) for place, conflict in conflicts]

    def _judge(self, works: Sequence[_Work], work: _Work, conflict: Conflict) -> None:
        """Tolerate that a file is there already if it is the same, once all have been linked."""
        place = Path(conflict.target, conflict.name)
        path = os.path.relpath(f"{conflict.source}/{conflict.name}", work.entry.folder).replace(os.sep, "/")
        item = next(item for item in work.entry.files if item.path == path)
        if not holds_the_same(place, item.sha256):
            raise collision(self.root, place, self._owner(works, work, place), work.entry.name)
        if item.executable and not os.access(place, os.X_OK):
            # Its mode cannot be changed: it may be a link, and then the store and others share it.
            place.unlink()
            again = Transfer(conflict.source, conflict.target, (conflict.name,), [EXECUTABLE])
            list(link_tree([again], self.mode))
        work.besides.append(path)

    def _owner(self, works: Sequence[_Work], work: _Work, place: Path) -> str:
        wanted = str(place)
        for other in works:
            if other is not work:
                for transfer in other.transfers:
                    if transfer.target == wanted or f"{transfer.target}/".startswith(f"{wanted}/"):
                        return other.entry.name
                    if transfer.target == str(place.parent) and place.name in transfer.names:
                        return other.entry.name
        return owner_of(place, self.scheme)

    def _complete(self, works: Sequence[_Work], work: _Work, *, requested: bool) -> None:
        """Write what is not linked: scripts, notes, and RECORD at the end."""
        entry, scripts = work.entry, str(self.scheme.scripts)
        for place, data in work.rewritten:
            self._write(works, work, place, data, executable=True)
        for point in entry.entry_points:
            name, data = generate_script(point, self.scheme.python)
            self._write(works, work, f"{scripts}/{name}", data, executable=True)
        site = f"{self.root}/{work.placement.root}".rstrip("/")
        info = f"{site}/{entry.dist_info}"
        self._write(works, work, f"{info}/INSTALLER", INSTALLER)
        if requested:
            self._write(works, work, f"{info}/REQUESTED", b"")
        self._write(works, work, f"{info}/RECORD", self._record(work, site))

    def _record(self, work: _Work, site: str) -> bytes:
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        for place, sha256, size in work.listed:
            value = urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")
            path = os.path.relpath(place, site).replace(os.sep, "/")
            rows.writerow((path, f"sha256={value}", size))
        rows.writerow((f"{work.entry.dist_info}/RECORD", "", ""))
        return (work.entry.record() + text.getvalue()).encode()

    def _write(self, works: Sequence[_Work], work: _Work, place: str, data: bytes, *, executable: bool = False) -> None:
        sha256 = hashlib.sha256(data).hexdigest()
        work.listed.append((place, sha256, len(data)))
        try:
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        except FileNotFoundError:
            self._make_folder(os.path.dirname(place), work.entry.name, set())  # noqa: PTH120
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        except FileExistsError as error:
            if holds_the_same(Path(place), sha256):
                return
            raise collision(self.root, Path(place), self._owner(works, work, Path(place)), work.entry.name) from error
        with open(handle, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
            if hasattr(os, "fchmod"):
                os.fchmod(handle, 0o755 if executable else 0o644)  # whatever the umask: the tree digest counts it

    def _relative(self, place: Path) -> str:
        path = place.relative_to(self.root).as_posix()
        return "" if path == "." else path
