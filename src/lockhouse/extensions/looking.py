"""Looking at one compiled file as it passes by: its format, its hash, the numpy it was compiled for, what it needs."""

from __future__ import annotations

from collections.abc import Callable

from lockhouse.extensions import Extension, Kind, NumpyApi
from lockhouse.extensions.elf import MAGIC, Dynamic, ElfError, foreseen, read_dynamic
from lockhouse.extensions.passage import Passage

__all__ = ["look_at"]

MACH_O = frozenset(
    {
        *(b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"),
        *(b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"),  # several machines in one file
    }
)


class NumpyMarks:
    """Looks for what numpy's headers compile into every file that uses its C API: the module that holds the table.

    Headers of numpy 2 put both names in, the old one for when numpy 1 is there (``import_array``, since 2.0.0).
    """

    MARK = b"core._multiarray_umath"
    BEFORE = len(b"numpy._")

    def __init__(self) -> None:
        self.new = self.old = False
        self._rest = b""

    def take(self, block: bytes) -> None:
        """Look at the next block."""
        if self.new:
            return  # whatever comes, it works with both
        data = self._rest + block
        place = data.find(self.MARK)
        while place >= 0:
            before = data[max(0, place - self.BEFORE) : place]
            self.new |= before.endswith(b"numpy._")
            self.old |= before.endswith(b"numpy.")
            place = data.find(self.MARK, place + 1)
        self._rest = data[-(len(self.MARK) + self.BEFORE) :]

    @property
    def verdict(self) -> NumpyApi:
        """What was found."""
        return "2" if self.new else "1" if self.old else "none"


def look_at(path: str, passage: Passage, watch: Callable[[bytes], object]) -> Extension:
    """Pass through a file once, ``watch`` seeing every block, and read what it says of itself."""
    marks = NumpyMarks()

    def take(block: bytes) -> None:
        watch(block)
        marks.take(block)

    passage.survey(take, foreseen)
    (start,) = passage.gather([(0, 4)])
    kind, dynamic = _kind(start), Dynamic(machine="", versions={})
    if kind == "elf":
        try:
            dynamic = read_dynamic(passage)
        except ElfError:
            kind = "damaged"
    return Extension(
        path=path,
        size=passage.size,
        kind=kind,
        numpy=marks.verdict,
        machine=dynamic.machine,
        soname=dynamic.soname,
        needed=dynamic.needed,
        search=dynamic.search,
        versions=dynamic.versions,
    )


def _kind(start: bytes) -> Kind:
    if start == MAGIC:
        return "elf"
    if start[:2] == b"MZ":
        return "pe"
    return "mach-o" if start in MACH_O else "other"
