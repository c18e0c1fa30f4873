"""Columns of numbers, one for each of tens of thousands of files: read, written and joined without a loop."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence

__all__ = ["INODE", "join", "pack", "unpack"]

INODE = 2**64 - 1
"""Bits of an inode's number that are kept. On Windows it may have 128 (``os.stat`` since Python 3.12)."""


def pack(kind: str, values: Sequence[int]) -> bytes:
    """Write a column as it lies on disk, little-endian; ``kind`` is the type code of :mod:`array`."""
    return _little(array(kind, values)).tobytes()


def unpack(kind: str, data: bytes) -> array[int]:
    """Read a column that :func:`pack` wrote; raises ValueError if that cannot be one."""
    return _little(array(kind, data))


def join(kind: str, columns: Iterable[array[int]]) -> array[int]:
    """Put columns of one ``kind`` behind each other."""
    return array(kind, b"".join(columns))


def _little(column: array[int]) -> array[int]:
    if sys.byteorder == "big":
        column.byteswap()
    return column
