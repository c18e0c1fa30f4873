"""The end of an archive: where its table is, and that nothing stands behind it.

Readers disagree about what to do with bytes after the end, and with a second end among them: what one of them judges
another would not unpack (APPNOTE.TXT, 4.3.16, "End of central directory record").
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from lockhouse.errors import UnsafeWheel
from lockhouse.wheels.issues import Issue

__all__ = ["inspect_end"]

END = struct.Struct("<4s4H2LH")
SIGNATURE = b"PK\x05\x06"
LONGEST_COMMENT = 0xFFFF

LARGEST_TABLE = 64 << 20
"""Bytes of the table of an archive, half a million files; of 1052 real wheels the largest has 1.5 MB. It is read into
memory as a whole, and becomes ten times as much there."""


def inspect_end(file: BinaryIO, filename: str) -> None:
    """Raise UnsafeWheel where an archive does not end with the end of its table, or the table is far too large.

    What has no end at all is left to whoever opens it.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - END.size - LONGEST_COMMENT))
    tail = file.read()
    place = tail.rfind(SIGNATURE)
    if place < 0 or len(tail) - place < END.size:
        return
    *_, table, _, comment = END.unpack_from(tail, place)
    if place + END.size + comment != len(tail):
        raise UnsafeWheel(filename, Issue.TRAILING_DATA, "something stands behind its end")
    if table > LARGEST_TABLE:  # one that is larger than 4 GB says 0xFFFFFFFF here
        detail = f"its table of files has {table} bytes, the limit is {LARGEST_TABLE}"
        raise UnsafeWheel(filename, Issue.TOO_MANY, detail)
