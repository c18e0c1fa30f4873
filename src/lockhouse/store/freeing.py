"""What the store can let go of: entries that no environment uses, and what killed processes left behind.

Two witnesses say that an entry is in use. The register names the folders of generations of every project that ever
installed from the store, and each generation says what it is made of: so clones and copies count. And a file with more
than one name is linked into an environment, whether the register knows of it or not: freeing it would give nothing
back. Should both be wrong, nothing breaks: an environment keeps its files, the next install unpacks the wheel again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from lockhouse.environments.removal import remove_tree
from lockhouse.environments.tree import measure
from lockhouse.state import storage_errors
from lockhouse.store.entries import FILES
from lockhouse.store.placements import FILE as PLACEMENTS
from lockhouse.store.placements import read_placements
from lockhouse.store.shelves import TRASH, UNPACKING, Store
from lockhouse.values import dataclass

__all__ = ["Unused", "find_unused", "free_unused", "register_use", "users"]

USERS = "users"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """Something that the store can let go of; ``size`` in bytes."""

    path: Path
    size: int


def register_use(store: Store, generations: Path) -> None:
    """Note that the environments in a folder of generations are made from the store."""
    folder = store.shelves / USERS
    name = hashlib.sha256(os.fsencode(generations)).hexdigest()[:32]
    with storage_errors(folder):
        if not (folder / name).exists():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(os.fsencode(generations))


def find_unused(store: Store, going: Collection[Path] = ()) -> tuple[Unused, ...]:
    """Find what can go; generations that are ``going`` count as gone. Sorted by path."""
    used: set[str] = set()
    expected: Counter[str] = Counter()
    for generation in _generations(store):
        placed = {item.sha256 for item in read_placements(generation)}
        if generation in going:
            expected.update(placed)
        else:
            used |= placed
    found = [
        home for home in store.homes() if home.name not in used and _names(home / FILES) <= 1 + expected[home.name]
    ]
    found += _leftovers(store)
    return tuple(Unused(path=path, size=measure(path)) for path in sorted(found))


def free_unused(store: Store) -> tuple[Unused, ...]:
    """Free what :func:`find_unused` finds; return what is gone.

    An entry that another process is about to link is missed there and unpacked again (:meth:`Store.admit_all`).
    """
    gone = []
    for item in find_unused(store):
        if item.path.name.startswith((UNPACKING, TRASH)):
            remove_tree(item.path)
            gone.append(item)
        elif store.discard(item.path):
            gone.append(item)
    with storage_errors(store.shelves):
        for note in _notes(store):
            if (folder := _folder(note)) is not None and not folder.is_dir():
                note.unlink(missing_ok=True)
    return tuple(gone)


def users(store: Store) -> tuple[Path, ...]:
    """Give the folders of generations of every project that is known to have installed from the store."""
    return tuple(folder for note in _notes(store) if (folder := _folder(note)) is not None)


def _names(folder: Path) -> int:
    """The largest number of names that a file in a folder has, its own included."""
    most = 1
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # somebody else frees it
                most = max(most, os.lstat(f"{parent}/{name}").st_nlink)
    return most


def _generations(store: Store) -> Iterator[Path]:
    for folder in users(store):
        yield from (path.parent.parent for path in folder.glob(f"*/{PLACEMENTS}"))


def _notes(store: Store) -> list[Path]:
    return sorted((store.shelves / USERS).glob("*"))


def _folder(note: Path) -> Path | None:
    with contextlib.suppress(FileNotFoundError):  # somebody else forgets it
        return Path(os.fsdecode(note.read_bytes()))
    return None


def _leftovers(store: Store) -> Iterator[Path]:
    yield from store.shelves.glob(f"{TRASH}*")
    for draft in store.shelves.glob(f"{UNPACKING}*"):
        if not store.in_the_making(draft):
            yield draft
