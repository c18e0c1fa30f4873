"""Reading members of an archive whose table has been judged, without ``zipfile``: a part at a time, at a known place.

Memory is bounded by :data:`BLOCK` however large a member is, and whatever its packed form says.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

from lockhouse.errors import UnsafeWheel
from lockhouse.store.inflating import inflater
from lockhouse.wheels.issues import Issue

__all__ = ["BLOCK", "begin_of", "blocks_of", "read_at"]

BLOCK = 1 << 20
HEADER = struct.Struct("<4s22xHH")
"""A member's own header: its signature and, at its end, the lengths of name and extra field."""

SIGNATURE = b"PK\x03\x04"


def begin_of(header: memoryview, filename: str, path: str) -> int:
    """Give the bytes between the beginning of a member's header and its content; UnsafeWheel if it is another's."""
    if len(header) < HEADER.size:
        raise UnsafeWheel(filename, Issue.NO_ARCHIVE, f"the archive ends before {path!r}")
    signature, name, extra = HEADER.unpack_from(header)
    if signature != SIGNATURE or bytes(header[HEADER.size : HEADER.size + name]) != path.encode():
        raise UnsafeWheel(filename, Issue.HEADER_DISAGREES, f"the table and the archive differ about {path!r}")
    length: int = HEADER.size + name + extra
    return length


def blocks_of(handle: int, begin: int, packed_size: int, *, packed: bool) -> Iterator[bytes]:
    """Give the content of a member that begins there, in blocks; nothing more where the archive ends too early."""
    made = inflater() if packed else None
    end = begin + packed_size
    while begin < end:
        data = read_at(handle, min(BLOCK // 4, end - begin), begin)
        if not data:
            return
        begin += len(data)
        if made is None:
            yield data
            continue
        while data and not made.eof:
            yield made.decompress(data, BLOCK)
            data = made.unconsumed_tail
        if made.eof:
            return
    while made is not None and not made.eof:
        block = made.decompress(b"", BLOCK)
        if not block:
            return
        yield block


def read_at(handle: int, size: int, offset: int) -> bytes:
    """Read bytes of a file at a place; fewer where it ends."""
    if hasattr(os, "pread"):
        data = os.pread(handle, size, offset)
        while len(data) < size and (more := os.pread(handle, size - len(data), offset + len(data))):
            data += more
        return data
    # Moves where the descriptor stands, so that no other thread may use it; none does.
    os.lseek(handle, offset, os.SEEK_SET)
    data = os.read(handle, size)
    while len(data) < size and (more := os.read(handle, size - len(data))):
        data += more
    return data
