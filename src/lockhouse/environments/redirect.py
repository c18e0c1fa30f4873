"""Where Python keeps the bytecode that it writes when an environment is used: outside of what is sealed.

An import writes ``__pycache__`` beside the source, which would be drift, although nobody changed anything. A ``.pth``
file leads that bytecode into the generation's own ``.lockhouse/bytecode``, which is no part of digest or drift and goes
when the generation goes. So imports are fast from the second one on, and the tree stays what was proven.
"""

from __future__ import annotations

from pathlib import Path

from lockhouse.environments.generations import METADATA
from lockhouse.state import write_atomically

__all__ = ["BYTECODE", "FILE", "redirect_bytecode"]

FILE = "_lockhouse_bytecode.pth"
"""Read by :mod:`site` at start-up, in alphabetical order: the underscore puts it before what others import there."""

BYTECODE = f"{METADATA}/bytecode"
"""Folder of that bytecode, below the environment."""

# A prefix that somebody chose, by PYTHONPYCACHEPREFIX or -X pycache_prefix, stays.
LINE = f"import sys; sys.pycache_prefix = sys.pycache_prefix or sys.prefix + '/{BYTECODE}'\n"


def redirect_bytecode(purelib: Path) -> None:
    """Lead the bytecode of an environment out of its tree; ``purelib`` is its site-packages."""
    write_atomically(purelib / FILE, LINE.encode())
