"""What the dynamic loader reads of an ELF file: its machine, the libraries it needs and where they are looked for.

Read as a hostile thing: every offset, count and length comes from the file, and none is believed further than the
limits below. Only program headers are used, as the loader does; sections may be stripped or lie. Sources: the System V
ABI, chapters 4 and 5; the symbol versions of the LSB, "Version Requirements".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from lockhouse.extensions.passage import Passage, Span
from lockhouse.values import dataclass

__all__ = ["MAGIC", "Dynamic", "ElfError", "foreseen", "read_dynamic"]

MAGIC = b"\x7fELF"

PT_LOAD, PT_DYNAMIC = 1, 2
DT_NULL, DT_NEEDED, DT_STRTAB, DT_SONAME, DT_RPATH, DT_RUNPATH = 0, 1, 5, 14, 15, 29
DT_VERNEED = 0x6FFF_FFFE

SEGMENTS = 512
DYNAMIC = 1 << 18
NAMES = 1024
STRING = 1024
VERSIONS = 1 << 16
MANY = 4096
"""Most program headers, bytes of the dynamic section, names in it, bytes of a name, bytes and entries of version
requirements."""

MACHINES = {
    3: "i686",
    21: "ppc64le",
    22: "s390x",
    40: "armv7l",
    62: "x86_64",
    183: "aarch64",
    243: "riscv64",
    258: "loongarch64",
}

VERSION = re.compile(r"(GLIBC|GLIBCXX|CXXABI)_(\d{1,4}(?:\.\d{1,6}){1,3})")
SYSTEM = re.compile(r"(libc|libm|libpthread|libdl|librt|libutil|libresolv|libmvec|libstdc\+\+|ld-linux[\w-]*)\.so\.\d+")
"""Versions of the system's libraries count; those of a bundled one (``libstdc++-1a2b.so.6``) come with it."""

NEWER = {"GLIBC_ABI_DT_RELR": ("GLIBC", "2.36")}
"""Versions that are named for what they bring (glibc 2.36, release notes)."""


class ElfError(ValueError):
    """A file begins as ELF and is none that could be loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamic:
    """What the loader reads; see :class:`~lockhouse.extensions.Extension`."""

    machine: str
    soname: str | None = None
    needed: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    versions: Mapping[str, str]


class _Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    size: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """Byte order and word size, and what follows from them."""

    order: str
    wide: bool
    machine: str
    segments: tuple[_Segment, ...]

    def place(self, address: int) -> int:
        """Where in the file an address of memory lies."""
        for segment in self.segments:
            if segment.kind == PT_LOAD and segment.address <= address < segment.address + segment.size:
                return segment.offset + address - segment.address
        raise ElfError(f"nothing of the file is loaded at {address:#x}")


def foreseen(head: bytes) -> Sequence[Span]:
    """Say from a file's first bytes where its dynamic section is; nothing for what is no ELF file."""
    try:
        return tuple((segment.offset, segment.size) for segment in _dynamic_segments(_layout(head)))
    except ElfError:
        return ()


def read_dynamic(passage: Passage) -> Dynamic:
    """Read what the loader would of a file that has been surveyed; raise ElfError where it could not be loaded."""
    (head,) = passage.gather([(0, 64 + SEGMENTS * 56)])
    layout = _layout(head)
    segments = _dynamic_segments(layout)
    if not segments:
        return Dynamic(machine=layout.machine, versions={})  # linked statically, or an object file
    (data,) = passage.gather([(segments[0].offset, segments[0].size)])
    tags = list(_tags(layout, data))
    strings = next((value for tag, value in tags if tag == DT_STRTAB), None)
    if strings is None:
        raise ElfError("it has no strings")
    base = layout.place(strings)
    named = [(tag, base + value) for tag, value in tags if tag in (DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH)]
    if len(named) > NAMES:
        raise ElfError(f"it needs {len(named)} libraries")
    needs = [layout.place(value) for tag, value in tags if tag == DT_VERNEED][:1]
    *texts, versions = passage.gather(
        [*((place, STRING) for _, place in named), *((n, VERSIONS) for n in needs), (0, 0)]
    )
    if needs:
        texts, versions = texts[:-1], texts[-1]
    names = [(tag, _string(text)) for (tag, _), text in zip(named, texts, strict=True)]
    if (DT_NEEDED, "") in names:
        raise ElfError("it needs a library without a name")
    # "If DT_RUNPATH is present, DT_RPATH is ignored" (ld.so(8))
    paths = [text for tag, text in names if tag == DT_RUNPATH] or [text for tag, text in names if tag == DT_RPATH]
    return Dynamic(
        machine=layout.machine,
        soname=next((text for tag, text in names if tag == DT_SONAME), None),
        needed=tuple(dict.fromkeys(text for tag, text in names if tag == DT_NEEDED)),
        search=tuple(part for text in paths for part in text.split(":") if part),
        versions=_newest(passage, base, _required(layout, versions)) if needs else {},
    )


def _layout(head: bytes) -> _Layout:
    if len(head) < 52 or head[:4] != MAGIC:
        raise ElfError("it is no ELF file")
    wide = {1: False, 2: True}.get(head[4])
    order = {1: "<", 2: ">"}.get(head[5])
    if wide is None or order is None:
        raise ElfError("it has a word size or byte order that does not exist")
    form = f"{order}HHI{'QQQ' if wide else 'III'}IHHHHHH"
    if len(head) < 16 + struct.calcsize(form):
        raise ElfError("its header is cut off")
    _, machine, _, _, offset, _, _, _, entry, count, *_ = struct.unpack_from(form, head, 16)
    row = struct.Struct(f"{order}IIQQQQQQ" if wide else f"{order}IIIIIIII")
    if count and (entry != row.size or count > SEGMENTS):
        raise ElfError(f"it has {count} program headers of {entry} bytes")
    if offset + count * row.size > len(head):
        raise ElfError("its program headers are not where headers are")
    segments = []
    for place in range(offset, offset + count * row.size, row.size):
        if wide:
            kind, _, begin, address, _, size, _, _ = row.unpack_from(head, place)
        else:
            kind, begin, address, _, size, _, _, _ = row.unpack_from(head, place)
        segments.append(_Segment(kind, begin, address, size))
    return _Layout(order, wide, MACHINES.get(machine, f"machine {machine}"), tuple(segments))


def _dynamic_segments(layout: _Layout) -> list[_Segment]:
    found = [segment for segment in layout.segments if segment.kind == PT_DYNAMIC][:1]
    if any(segment.size > DYNAMIC for segment in found):
        raise ElfError(f"its dynamic section is larger than {DYNAMIC} bytes")
    return found


def _tags(layout: _Layout, data: bytes) -> Iterator[tuple[int, int]]:
    row = struct.Struct(f"{layout.order}qQ" if layout.wide else f"{layout.order}iI")
    for place in range(0, len(data) - row.size + 1, row.size):
        tag, value = row.unpack_from(data, place)
        if tag == DT_NULL:
            return
        yield tag, value


def _required(layout: _Layout, data: bytes) -> list[tuple[int, int]]:
    """List what versions are required as places in the strings: of the library, and of the version's name."""
    need, aux = struct.Struct(f"{layout.order}HHIII"), struct.Struct(f"{layout.order}IHHII")
    found: list[tuple[int, int]] = []
    place = 0
    while place + need.size <= len(data) and len(found) < MANY:
        _, count, library, first, following = need.unpack_from(data, place)
        inner = place + first
        for _ in range(count):
            if inner + aux.size > len(data) or len(found) >= MANY:
                break
            *_, name, further = aux.unpack_from(data, inner)
            found.append((library, name))
            inner += further
            if not further:
                break
        if not following:
            break
        place += following
    return found


def _newest(passage: Passage, base: int, required: Sequence[tuple[int, int]]) -> dict[str, str]:
    places = sorted({place for pair in required for place in pair})
    texts = passage.gather([(base + place, STRING) for place in places])
    names = {place: _string(text) for place, text in zip(places, texts, strict=True)}
    newest: dict[str, str] = {}
    for library, name in required:
        if not SYSTEM.fullmatch(names[library]):
            continue
        match = VERSION.fullmatch(names[name])
        family, version = match.groups() if match else NEWER.get(names[name], ("", ""))
        if family and _numbers(version) > _numbers(newest.get(family, "0")):
            newest[family] = version
    return newest


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _string(data: bytes) -> str:
    text, end, _ = data.partition(b"\0")
    if not end:
        raise ElfError("a name in it does not end")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ElfError("a name in it is no text") from error
