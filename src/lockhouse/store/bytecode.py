"""Bytecode into an environment: linked along with the wheels that it was compiled from."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from lockhouse.events import Emit, discard
from lockhouse.host import Interpreter
from lockhouse.state import storage_errors
from lockhouse.store.compiling import Compiled, compile_all
from lockhouse.store.entries import Entry
from lockhouse.store.linking import Conflict, Transfer, link_tree
from lockhouse.store.placements import Placement, read_placements

__all__ = ["link_bytecode"]


def link_bytecode(
    root: Path, entries: Sequence[Entry], interpreter: Interpreter, emit: Emit = discard, *, step: str = "install"
) -> int:
    """Compile entries that are in the environment at ``root``, where that has not been done, and link the bytecode.

    Returns how many files. Raises SubprocessFailed when the interpreter does not compile, StorageError.
    """
    places = {placement.sha256: placement for placement in read_placements(root)}
    made = compile_all(entries, interpreter, emit, step=step)
    with storage_errors(root):
        for entry, bytecode in zip(entries, made, strict=True):
            _link(root, entry, places[entry.sha256], bytecode)
    return sum(len(bytecode.kept.sizes) for bytecode in made)


def _link(root: Path, entry: Entry, placement: Placement, bytecode: Compiled) -> None:
    for folder, names in bytecode.kept.folders:
        target = f"{root}/{placement.place(folder, entry.data_dir)}"
        with contextlib.suppress(FileExistsError):
            os.mkdir(target)  # noqa: PTH102 - thousands of them
        transfer = Transfer(f"{bytecode.folder}/{folder}", target, names, [0] * len(names))
        in_the_way = [found.name for found in link_tree([transfer], placement.mode) if isinstance(found, Conflict)]
        # Of a module that another wheel brings as well, or written by who ran something meanwhile.
        for name in in_the_way:
            os.unlink(f"{target}/{name}")
        again = transfer._replace(names=tuple(in_the_way), modes=[0] * len(in_the_way))
        for _ in link_tree([again], placement.mode):
            pass
