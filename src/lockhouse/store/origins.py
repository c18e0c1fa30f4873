"""Origins: which files of an environment came from the store, and all that is known of them there.

With it a seal is put together without reading what the store has read already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path

from lockhouse.environments.sealing import Origins, Row
from lockhouse.host import Interpreter
from lockhouse.store.compiling import compiled
from lockhouse.store.entries import Entry, Folder, mtimes_of
from lockhouse.store.placements import Placement, read_placements
from lockhouse.store.shelves import Store

__all__ = ["find_origins"]

EXECUTABLE = {"x": 0o111, "-": 0}


def find_origins(root: Path, store: Store, bytecode: Interpreter | None = None) -> Origins:
    """Tell what the environment at ``root`` has from the store; with the ``bytecode`` for an interpreter, if given.

    What is not known of is left out: it will be read.
    """
    origins: dict[str, dict[str, Row]] = {}
    for placement in read_placements(root):
        entry = store.entry(placement.sha256)
        if entry is None:
            continue
        modes = map(EXECUTABLE.__getitem__, entry.executables)
        rows = _rows(modes, entry.sizes, entry.hashes, entry.inodes, placement)
        _place(origins, entry.folders, rows, placement, entry)
        made = compiled(entry, bytecode) if bytecode else None
        if made is not None:
            rows = _rows(repeat(0), made.sizes, made.hashes, made.inodes, placement)
            _place(origins, made.folders, rows, placement, entry)
        for path in placement.besides:
            folder, _, name = path.rpartition("/")
            origins.get(_prefix(placement, folder, entry), {}).pop(name, None)
    return origins


def _rows(
    modes: Iterator[int], sizes: Sequence[int], hashes: str, inodes: Sequence[int], placement: Placement
) -> Iterator[Row]:
    data = bytes.fromhex(hashes)
    digests = (data[start : start + 32] for start in range(0, len(data), 32))
    # Where files were copied, inodes of the store mean nothing.
    shown = inodes if placement.mode == "hardlink" else repeat(-1)
    return map(Row._make, zip(modes, sizes, digests, shown, mtimes_of(hashes), repeat(0), strict=False))


def _place(
    origins: dict[str, dict[str, Row]],
    folders: Sequence[Folder],
    rows: Iterator[Row],
    placement: Placement,
    entry: Entry,
) -> None:
    for folder, names in folders:
        # The names come first: zip takes no row more than there are names.
        origins.setdefault(_prefix(placement, folder, entry), {}).update(zip(names, rows, strict=False))


def _prefix(placement: Placement, folder: str, entry: Entry) -> str:
    place = placement.place(folder, entry.data_dir)
    return f"{place}/" if place else ""
