"""Where Python keeps the bytecode that it writes when an environment is used: outside of what is sealed.

An import writes ``__pycache__`` beside the source, which would be drift, although nobody changed anything. A ``.pth``
file leads that bytecode into the generation's own ``.lockhouse/bytecode``, which is no part of digest or drift. So
imports are fast from the second one on, and the tree stays what was proven.

Python takes bytecode whose header has the time and the size of its source, whatever the code in it is. So nobody can
vouch for what lies in that folder: every proof begins by discarding it, and Python makes it again from proven sources.
"""

from __future__ import annotations

import os
from pathlib import Path

from lockhouse.environments.generations import METADATA
from lockhouse.environments.links import is_link
from lockhouse.state import move, storage_errors, write_atomically

__all__ = ["BYTECODE", "DISCARDED", "FILE", "discard_bytecode", "redirect_bytecode"]

FILE = "_lockhouse_bytecode.pth"
"""Read by :mod:`site` at start-up, in alphabetical order: the underscore puts it before what others import there."""

BYTECODE = f"{METADATA}/bytecode"
"""Folder of that bytecode, below the environment."""

DISCARDED = f"{BYTECODE}.old"
"""That folder on its way out."""

# A prefix that somebody chose, by PYTHONPYCACHEPREFIX or -X pycache_prefix, stays.
LINE = f"import sys; sys.pycache_prefix = sys.pycache_prefix or sys.prefix + '/{BYTECODE}'\n"


def redirect_bytecode(purelib: Path) -> None:
    """Lead the bytecode of an environment out of its tree; ``purelib`` is its site-packages."""
    write_atomically(purelib / FILE, LINE.encode())


def discard_bytecode(root: Path) -> int:
    """Remove all bytecode that was led out of the tree of the environment at ``root``; return how many files.

    Whatever stands in the folder's place goes, and no link is followed. Raises StorageError when something stays.
    """
    place, aside = root / BYTECODE, root / DISCARDED
    if is_link(root / METADATA) or not (os.path.lexists(place) or os.path.lexists(aside)):
        return 0  # where lockhouse's own folder was replaced by a link, that is drift
    from lockhouse.environments.removal import remove_tree

    count = 1 if is_link(place) else sum(len(names) for _, _, names in os.walk(place))
    remove_tree(aside)  # a run was killed
    if os.path.lexists(place):
        # Out of the way at one instant: a program that is at work writes into a new folder from then on.
        with storage_errors(place):
            move(place, aside)
        remove_tree(aside)
    return count
