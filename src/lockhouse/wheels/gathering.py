"""Gathering facts: a wheel is judged, and what the rules ask about is read out of it.

Whatever is looked into is compared with RECORD while it is read. Memory is bounded however large a file is.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import re
import struct
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from lockhouse.errors import StorageError, UnsafeWheel
from lockhouse.extensions import Extension, may_be_compiled, module_tag
from lockhouse.extensions.looking import look_at
from lockhouse.extensions.passage import Passage
from lockhouse.store.inflating import broken
from lockhouse.store.reading import begin_of, blocks_of, read_at
from lockhouse.store.unpacking import NOT_FROM_WHEELS
from lockhouse.wheels.facts import READER, StartUpHook, WheelFacts
from lockhouse.wheels.issues import Issue
from lockhouse.wheels.members import Member
from lockhouse.wheels.wheelfile import Wheel, read_wheel

__all__ = ["gather_facts"]

HEADER_ROOM = 4096
LOCAL = struct.Struct("<4s2x2H8x2L2H")
"""Of a file's own header (APPNOTE.TXT, 4.3.7): signature, flags, method, packed and unpacked size, lengths of name and
extra field."""

SIGNATURE = b"PK\x03\x04"

ENCRYPTED, SIZES_FOLLOW = 1 << 0, 1 << 3
ZIP64 = 0xFFFF_FFFF
LARGEST_PTH = 1 << 20
LONGEST_LINE = 200
"""Characters of a line of a ``.pth`` file that are told."""

AT_START_UP = frozenset({"sitecustomize", "usercustomize"})
LINE_END = re.compile(r"\r\n|\r|\n")
SOURCE = (".py", ".pyc", ".so", ".pyd")


def gather_facts(path: Path, *, windows: bool = os.name == "nt") -> WheelFacts:
    """Read and judge a wheel, and gather the facts; raise UnsafeWheel for one that is not safe, StorageError."""
    wheel = read_wheel(path, windows=windows)
    files = [member for member in wheel.members if _is_installed(member.path, wheel)]
    places = [(member, _in_site(member.path, wheel)) for member in files]
    top = _top_level(place for _, place in places if place is not None)
    try:
        with _Archive(wheel) as archive:
            archive.inspect_headers()
            return WheelFacts(
                reader=READER,
                filename=wheel.filename,
                windows=windows,
                name=wheel.name,
                version=str(wheel.version),
                purelib=wheel.root_is_purelib,
                dist_info=wheel.dist_info,
                data_dir=wheel.data_dir,
                metadata=wheel.metadata,
                size=sum(member.size for member in wheel.members),
                modules=top.modules,
                namespaces=top.namespaces,
                roots=top.roots,
                elsewhere=tuple(member.path for member, place in places if place is None),
                commands=wheel.entry_points,
                hooks=tuple(_hooks(places, archive)),
                extensions=tuple(archive.extension(member) for member in files if may_be_compiled(member.path)),
                contents="\n".join(f"{archive.sha256(member)} {member.path}" for member in files),
            )
    except broken() as error:
        raise UnsafeWheel(wheel.filename, Issue.NO_ARCHIVE, str(error)) from error
    except OSError as error:
        raise StorageError(f"cannot read {path}", cause=error.strerror) from error


class _Archive:
    """The open archive of a wheel that was judged."""

    def __init__(self, wheel: Wheel) -> None:
        self.wheel = wheel
        self._handle = os.open(wheel.path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))

    def __enter__(self) -> _Archive:
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
                    or not (flags & SIZES_FOLLOW or (packed, size) in (_sizes(member), (ZIP64, ZIP64)))
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
        if member.size > LARGEST_PTH:
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


def _sizes(member: Member) -> tuple[int, int]:
    return member.compressed_size, member.size


def _is_installed(path: str, wheel: Wheel) -> bool:
    folder, _, name = path.rpartition("/")
    return not (folder == wheel.dist_info and name in NOT_FROM_WHEELS) and "__pycache__" not in folder.split("/")


def _in_site(path: str, wheel: Wheel) -> str | None:
    """Where below ``site-packages`` a file comes to lie; None for one that goes elsewhere."""
    if not path.startswith(f"{wheel.data_dir}/"):
        return path
    scheme, _, rest = path.removeprefix(f"{wheel.data_dir}/").partition("/")
    return rest if scheme in ("purelib", "platlib") else None


class _TopLevel(NamedTuple):
    modules: tuple[str, ...]
    namespaces: tuple[str, ...]
    roots: tuple[str, ...]


def _top_level(places: Iterable[str]) -> _TopLevel:
    """Tell modules from namespaces: a package is a folder that has an ``__init__``."""
    roots: set[str] = set()
    modules: set[str] = set()
    folders: set[str] = set()
    for place in places:
        root, _, rest = place.partition("/")
        roots.add(root)
        if not rest:
            modules.update(_module(root))
        elif root not in folders and root.isidentifier() and place.endswith(SOURCE):
            folders.add(root)
        if "/" not in rest and next(iter(_module(rest)), None) == "__init__" and root.isidentifier():
            modules.add(root)
    return _TopLevel(tuple(sorted(modules)), tuple(sorted(folders - modules)), tuple(sorted(roots)))


def _module(name: str) -> Iterator[str]:
    """Give the name of the module that a file would be imported as, if any."""
    stem, _, ending = name.partition(".")
    if stem.isidentifier() and (ending in ("py", "pyc") or module_tag(name) is not None):
        yield stem


def _hooks(places: Iterable[tuple[Member, str | None]], archive: _Archive) -> Iterator[StartUpHook]:
    for member, place in places:
        if place is None:
            continue
        root, _, rest = place.partition("/")
        if not rest and root.endswith(".pth"):
            yield from _lines(member, archive.text(member))
        elif root.partition(".")[0] in AT_START_UP and (not rest or rest.startswith("__init__.")):
            yield StartUpHook(path=member.path, kind="module")


def _lines(member: Member, text: str) -> Iterator[StartUpHook]:
    """Read a ``.pth`` file as :func:`site.addpackage` does."""
    for line in LINE_END.split(text):
        if not line.strip() or line.startswith("#"):
            continue
        code = line.startswith(("import ", "import\t"))
        yield StartUpHook(path=member.path, kind="code" if code else "path", text=line.strip()[:LONGEST_LINE])
