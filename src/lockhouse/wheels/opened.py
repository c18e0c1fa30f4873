"""A judged wheel, opened: files of it are read one by one, each compared with RECORD while it passes.

It reads the archive by the places that its table gives, and first of all compares those with the archive itself.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
from collections.abc import Iterator
from operator import attrgetter

from lockhouse.errors import UnsafeWheel
from lockhouse.extensions import Extension
from lockhouse.extensions.looking import look_at
from lockhouse.extensions.passage import Passage
from lockhouse.store.reading import begin_of, blocks_of, read_at
from lockhouse.wheels.issues import Issue
from lockhouse.wheels.members import Member
from lockhouse.wheels.wheelfile import Wheel

__all__ = ["OpenedWheel"]

HEADER_ROOM = 4096
LOCAL = struct.Struct("<4s2x2H8x2L2H")
"""Of a file's own header (APPNOTE.TXT, 4.3.7): signature, flags, method, packed and unpacked size, lengths of name and
extra field."""

SIGNATURE = b"PK\x03\x04"
ENCRYPTED, SIZES_FOLLOW = 1 << 0, 1 << 3
FIELD = struct.Struct("<2H")
ZIP64, ZIP64_FIELD = 0xFFFF_FFFF, 1
LARGEST_TEXT = 1 << 20
"""Bytes of a file that is read as a whole."""


class OpenedWheel:
    """The open archive of a wheel that was judged."""

    def __init__(self, wheel: Wheel) -> None:
        self.wheel = wheel
        self._handle = os.open(wheel.path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))

    def __enter__(self) -> OpenedWheel:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def inspect_headers(self) -> None:
        """Compare the table with what stands before each file: what reads one must not see what reads the other does.

        Where a size or a place is only told behind the file, it is not compared.
        """
        filename = self.wheel.filename
        members = sorted(self.wheel.members, key=attrgetter("offset"))
        with mmap.mmap(self._handle, 0, access=mmap.ACCESS_READ) as data:
            end = 0
            for member in members:
                if member.offset < end:
                    raise UnsafeWheel(filename, Issue.OVERLAP, f"{member.path!r} begins inside of another file")
                if len(data) - member.offset < LOCAL.size:
                    raise UnsafeWheel(filename, Issue.NO_ARCHIVE, f"the archive ends before {member.path!r}")
                signature, flags, method, packed, size, name, extra = LOCAL.unpack_from(data, member.offset)
                begin = member.offset + LOCAL.size + name
                if (
                    signature != SIGNATURE
                    or data[member.offset + LOCAL.size : begin] != member.path.encode()
                    or flags & ENCRYPTED
                    or bool(method) is not member.packed
                    or not (flags & SIZES_FOLLOW or _sizes(packed, size, data[begin : begin + extra]) == _told(member))
                ):
                    detail = f"the table and the archive differ about {member.path!r}"
                    raise UnsafeWheel(filename, Issue.HEADER_DISAGREES, detail)
                end = begin + extra + member.compressed_size
            if end > len(data):
                raise UnsafeWheel(filename, Issue.NO_ARCHIVE, "its last file does not end")

    def extension(self, member: Member) -> Extension:
        """Look at a compiled file."""
        with _Comparing(self.wheel, member) as comparing:
            return look_at(member.path, Passage(member.size, lambda: self._blocks(member)), comparing.take)

    def text(self, member: Member) -> str:
        """Read a small file as text, whatever its encoding is."""
        if member.size > LARGEST_TEXT:
            raise UnsafeWheel(self.wheel.filename, Issue.TOO_LARGE, f"{member.path} has {member.size} bytes")
        with _Comparing(self.wheel, member) as comparing:
            blocks = list(self._blocks(member))
            for block in blocks:
                comparing.take(block)
        return b"".join(blocks).decode("utf-8-sig", "replace")

    def sha256(self, member: Member) -> str:
        """Give the hash that RECORD gives, or take it where RECORD has another kind."""
        entry = self.wheel.record.get(member.path)
        if entry is not None and entry.algorithm == "sha256":
            return entry.digest
        made = hashlib.sha256()
        for block in self._blocks(member):
            made.update(block)
        return made.hexdigest()

    def _blocks(self, member: Member) -> Iterator[bytes]:
        filename = self.wheel.filename
        header = memoryview(read_at(self._handle, HEADER_ROOM, member.offset))
        begin = member.offset + begin_of(header, filename, member.path)
        size = 0
        for block in blocks_of(self._handle, begin, member.compressed_size, packed=member.packed):
            size += len(block)
            if size > member.size:
                detail = f"{member.path!r} unpacks to more than the {member.size} bytes that it declares"
                raise UnsafeWheel(filename, Issue.BOMB, detail)
            yield block


class _Comparing:
    """Compares what is read of a member with RECORD, once all of it has been read."""

    def __init__(self, wheel: Wheel, member: Member) -> None:
        self.wheel = wheel
        self.member = member
        self._said = wheel.record.get(member.path)
        self._digest = hashlib.new(self._said.algorithm) if self._said else None
        self._size = 0

    def take(self, block: bytes) -> None:
        self._size += len(block)
        if self._digest is not None:
            self._digest.update(block)

    def __enter__(self) -> _Comparing:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            return
        path = self.member.path
        if self._size != self.member.size:
            detail = f"{path!r} unpacks to {self._size} bytes and declares {self.member.size}"
            raise UnsafeWheel(self.wheel.filename, Issue.NO_ARCHIVE, detail)
        if self._digest is not None and self._said is not None and self._digest.hexdigest() != self._said.digest:
            detail = f"{path!r} is not the file that RECORD names"
            raise UnsafeWheel(self.wheel.filename, Issue.RECORD_HASH, detail)


def _told(member: Member) -> tuple[int, int]:
    return member.compressed_size, member.size


def _sizes(packed: int, size: int, extra: bytes) -> tuple[int, int]:
    """Give the sizes that a header tells; those that do not fit stand in its extra field (APPNOTE.TXT, 4.5.3)."""
    if ZIP64 not in (packed, size):
        return packed, size
    place = 0
    while place + FIELD.size <= len(extra):
        kind, length = FIELD.unpack_from(extra, place)
        place += FIELD.size
        if kind == ZIP64_FIELD:
            long = struct.unpack(
                f"<{length // 8}Q", extra[place : place + length // 8 * 8].ljust(length // 8 * 8, b"\0")
            )
            told = iter(long)
            size = next(told, size) if size == ZIP64 else size
            return (next(told, packed) if packed == ZIP64 else packed), size
        place += length
    return packed, size
