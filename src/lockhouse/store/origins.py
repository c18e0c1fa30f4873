"""Origins: which files of an environment came from the store, and all that is known of them there.

With it a seal is put together without reading what the store has read already.
"""

from __future__ import annotations

from array import array
from pathlib import Path

from lockhouse.columns import INODE
from lockhouse.environments.sealing import Files, Origins
from lockhouse.host import Interpreter
from lockhouse.store.index import Kept
from lockhouse.store.placements import Placement, read_placements
from lockhouse.store.shelves import Store

__all__ = ["find_origins"]


def find_origins(root: Path, store: Store, bytecode: Interpreter | None = None) -> Origins:
    """Tell what the environment at ``root`` has from the store; with the ``bytecode`` for an interpreter, if given.

    What is not known of is left out: it will be read.
    """
    origins: dict[str, Files] = {}
    for placement in read_placements(root):
        entry = store.entry(placement.sha256)
        if entry is None:
            continue
        _place(origins, entry.kept, placement, entry.data_dir)
        made = None
        if bytecode is not None:
            from lockhouse.store.compiling import compiled

            made = compiled(entry, bytecode)
        if made is not None:
            _place(origins, made.kept, placement, entry.data_dir)
        for path in placement.besides:
            folder, _, name = path.rpartition("/")
            prefix = _prefix(placement, folder, entry.data_dir)
            rows = origins[prefix].rows() if prefix in origins else {}
            if rows.pop(name, None) is not None:
                origins[prefix] = Files.of(rows)
    return origins


def _place(origins: dict[str, Files], kept: Kept, placement: Placement, data_dir: str) -> None:
    # Where files were copied, inodes of the store mean nothing.
    inodes = kept.inodes if placement.mode == "hardlink" else array("Q", [INODE]) * len(kept.inodes)
    ctimes = array("q", bytes(8 * len(kept.sizes)))
    for folder, names, rows in kept.by_folder():
        files = Files(
            names,
            kept.modes[rows],
            kept.sizes[rows],
            kept.hashes[rows.start * 32 : rows.stop * 32],
            inodes[rows],
            kept.mtimes[rows],
            ctimes[rows],
        )
        prefix = _prefix(placement, folder, data_dir)
        before = origins.get(prefix)
        origins[prefix] = files if before is None else Files.of(before.rows() | files.rows())


def _prefix(placement: Placement, folder: str, data_dir: str) -> str:
    place = placement.place(folder, data_dir)
    return f"{place}/" if place else ""
