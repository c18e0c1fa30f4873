"""The ledger of a host: what lockhouse added to it, kept in the host itself, so that it can be taken back as a whole.

It lies in the folder where distributions go, in ``.lockhouse``, on the same file system as what is added: files come
and go by being renamed. It is there as long as something of lockhouse is, and the time of the folder around it does not
tell that it came or went. It belongs to the host and to no project: who copies a container, deletes a project or works
on one host from two projects can still take back what was added.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from lockhouse.environments.removal import remove_tree
from lockhouse.errors import LockhouseError, StorageError
from lockhouse.inventory import HostDistribution
from lockhouse.state import read_value, storage_errors, write_value
from lockhouse.values import dataclass

__all__ = ["FOLDER", "Added", "Addition", "Displaced", "Guarded", "Ledger", "Move", "Standing", "Touched", "new_key"]

FOLDER = ".lockhouse"
RECORD = "addition.json"
TREE = "tree"
KEPT = "kept"
DRAFT = ".draft-"
TRASH = ".trash-"

Standing = Literal["staging", "trial", "applied", "yielding", "leaving"]
"""How far an addition is, and so what becomes of it when its process dies.

``staging``: its files are collected beside the host; they are thrown away. ``trial``: they are being put in place and
proven; they are taken back. ``applied``: it is in use. ``yielding``: it makes way for another one, and is put back
unless that one is applied. ``leaving``: it is being taken back for good, which is completed.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A file, or a whole new folder, that goes into the host: absolute paths of where it was collected and its place.

    It is in place exactly when it is no longer at ``source``.
    """

    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Displaced:
    """A file of the host that makes way, or a whole folder: its place, and where it is kept; absolute paths."""

    place: str
    kept: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """A folder of the host in which something comes or goes, as it was before.

    ``time`` is that of its last change in nanoseconds, ``names`` the sha256 of the names in it: when they are the same
    again it gets its time back. ``caches``: there was a ``__pycache__`` among them.
    """

    path: str
    time: int
    names: str
    caches: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A distribution that was added; ``metadata`` is its ``.dist-info`` in the host."""

    name: str
    version: str
    metadata: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A protected distribution as it was before: ``record`` is the sha256 of its RECORD.

    ``faults`` are files that were not what RECORD says even then.
    """

    name: str
    version: str
    record: str | None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What one manifest of one project added to a host.

    ``key`` is the name of its folder in the ledger. ``project`` and ``manifest`` say whose it is, ``generation`` is its
    number there, ``plan`` and ``environment_digest`` are those of the generation. ``anchor`` is the folder of the host
    that stands at the top of the collected tree, and ``seal`` the sha256 of that tree's seal. ``replaced`` are the
    host's own distributions that make way, as they were. ``made`` are folders that an addition which has left could not
    take along, because files of this one are in them.
    """

    key: str
    project: str
    manifest: str
    generation: int
    plan: str
    environment_digest: str
    standing: Standing
    anchor: str
    seal: str | None = None
    distributions: tuple[Added, ...] = ()
    replaced: tuple[HostDistribution, ...] = ()
    protected: tuple[Guarded, ...] = ()
    moves: tuple[Move, ...] = ()
    displaced: tuple[Displaced, ...] = ()
    touched: tuple[Touched, ...] = ()
    made: tuple[str, ...] = ()

    @property
    def owner(self) -> tuple[str, str]:
        """Project and manifest: there is one addition of each in use."""
        return self.project, self.manifest


def new_key(manifest: str, generation: int) -> str:
    """Name an addition as no other is: the same generation may be added again, in place of itself."""
    return f"{manifest}-{generation}-{secrets.token_hex(4)}"


class Ledger:
    """The ledger in the folder ``site``, where the host's distributions go; it need not exist."""

    def __init__(self, site: Path) -> None:
        self.site = Path(os.path.realpath(site))
        self.folder = self.site / FOLDER

    def all(self) -> tuple[Addition, ...]:
        """Every addition, sorted by key. Raises StorageError for one that cannot be read: it could not be undone."""
        found = []
        for home in self._homes():
            addition = read_value(home / RECORD, Addition, "addition")
            if addition is None or addition.key != home.name:
                raise StorageError(
                    f"the ledger of the host cannot be read: {home / RECORD}",
                    cause="it is damaged, or was written by another version of lockhouse; "
                    "without it what was added cannot be told from what was there",
                )
            found.append(addition)
        return tuple(found)

    def of(self, owner: tuple[str, str]) -> tuple[Addition, ...]:
        """The additions of one manifest of one project."""
        return tuple(item for item in self.all() if item.owner == owner)

    def home(self, addition: Addition) -> Path:
        """Folder of an addition."""
        return self.folder / addition.key

    def tree(self, addition: Addition) -> Path:
        """Where its files are collected, in the order that they have below the anchor."""
        return self.home(addition) / TREE

    def kept(self, addition: Addition) -> Path:
        """Where files of the host are kept that made way."""
        return self.home(addition) / KEPT

    def enter(self, addition: Addition) -> None:
        """Enter a new addition: its folder appears with its record in it, at one instant."""
        draft = self.folder / f"{DRAFT}{addition.key}"
        with storage_errors(draft), self._swept_if_failed():
            self._keep_time(lambda: self.folder.mkdir(exist_ok=True))
            (draft / KEPT).mkdir(parents=True)
            (draft / TREE).mkdir()
            write_value(draft / RECORD, addition, "addition", durable=True)
            draft.rename(self.home(addition))

    def note(self, addition: Addition, standing: Standing | None = None) -> Addition:
        """Write down how an addition stands now; return it so."""
        changed = addition if standing is None else replace(addition, standing=standing)
        write_value(self.home(changed) / RECORD, changed, "addition", durable=True)
        return changed

    def close(self, addition: Addition) -> None:
        """Strike an addition out, at one instant, and delete its folder; with the last one the ledger goes."""
        with storage_errors(self.folder):
            trash = self.folder / f"{TRASH}{addition.key}"
            remove_tree(trash)
            self.home(addition).rename(trash)
        self.sweep()

    def sweep(self) -> None:
        """Remove what interrupted work left in the ledger, and the ledger itself if it is empty."""
        with storage_errors(self.folder):
            for path in self._entries():
                if path.name.startswith((DRAFT, TRASH)):
                    remove_tree(path)
        with contextlib.suppress(OSError):
            self._keep_time(self.folder.rmdir)

    @contextlib.contextmanager
    def _swept_if_failed(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with contextlib.suppress(LockhouseError, OSError):
                self.sweep()
            raise

    @property
    def swept(self) -> bool:
        """Whether nothing of interrupted work is left in it."""
        homes = self._homes()
        return len(self._entries()) == len(homes) and (bool(homes) or not self.folder.exists())

    def _keep_time(self, change: Callable[[], None]) -> None:
        found = self.site.stat()
        change()
        os.utime(self.site, ns=(found.st_atime_ns, found.st_mtime_ns))

    def _homes(self) -> list[Path]:
        return [path for path in self._entries() if not path.name.startswith((DRAFT, TRASH))]

    def _entries(self) -> list[Path]:
        try:
            return sorted(self.folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
