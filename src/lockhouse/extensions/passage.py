"""A file inside an archive: it can only be read from its beginning, and may be larger than memory.

It is passed through once as a whole. What is looked for at known places is kept while it passes; beginning and end are
kept in any case, because what the loader needs nearly always stands there. For anything else one more passage is made,
as far as needed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["Passage", "Span"]

Span = tuple[int, int]
"""Offset and size, in bytes."""

HEAD = 4 << 20
TAIL = 1 << 20
"""Bytes kept in any case. Small files are kept whole by this."""


class Passage:
    """A file of ``size`` bytes whose content ``blocks`` gives anew, each time it is called, from the beginning."""

    def __init__(self, size: int, blocks: Callable[[], Iterator[bytes]]) -> None:
        self.size = size
        self._blocks = blocks
        self._kept: list[tuple[int, bytes]] = []

    def survey(self, watch: Callable[[bytes], object], foresee: Callable[[bytes], Iterable[Span]]) -> int:
        """Pass through the whole file; return the bytes that there were.

        ``watch`` is given every block, ``foresee`` the first one: it says which spans to keep.
        """
        catches = [_Catch((0, HEAD))]
        tail: deque[bytes] = deque()
        position = ending = 0
        for block in self._blocks():
            if not position:
                catches += [_Catch(span) for span in foresee(block)]
            watch(block)
            for catch in catches:
                catch.take(position, block)
            position += len(block)
            tail.append(block)
            ending += len(block)
            while ending - len(tail[0]) >= TAIL:
                ending -= len(tail.popleft())
        self._kept = [(catch.start, bytes(catch.caught)) for catch in catches]
        if position > HEAD:
            self._kept.append((position - ending, b"".join(tail)))
        return position

    def gather(self, wanted: Sequence[Span]) -> list[bytes]:
        """Give the content of spans, shorter where the file ends; one passage for all that was not kept."""
        found = [self._recall(span) for span in wanted]
        missing = [(place, _Catch(span)) for place, span in enumerate(wanted) if found[place] is None]
        end = max((start + size for start, size in (wanted[place] for place, _ in missing)), default=0)
        position = 0
        for block in self._blocks() if missing else ():
            for _, catch in missing:
                catch.take(position, block)
            position += len(block)
            if position >= end:
                break
        for place, catch in missing:
            found[place] = bytes(catch.caught)
        return [data or b"" for data in found]

    def _recall(self, span: Span) -> bytes | None:
        start, size = span
        for begin, data in self._kept:
            if begin <= start and (start + size <= begin + len(data) or (begin + len(data) >= self.size)):
                return data[start - begin : start - begin + size]
        return None


class _Catch:
    """A span of a file that passes by in blocks."""

    def __init__(self, span: Span) -> None:
        self.start, self.size = span
        self.caught = bytearray()

    def take(self, position: int, block: bytes) -> None:
        begin = self.start + len(self.caught) - position
        if 0 <= begin < len(block) and len(self.caught) < self.size:
            self.caught += block[begin : begin + self.size - len(self.caught)]
