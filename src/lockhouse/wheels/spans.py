"""Which bytes of a file are here when it does not arrive from front to back.

A ledger beside the file, of records (start, bytes that are here from there on), each rewritten in place after every
block. A block is written before it is counted, so a kill at any instant leaves a ledger that promises too little.
After a power cut it may promise too much; then the hash of the whole says so, and the file is fetched anew.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from lockhouse.state import move

__all__ = ["Spans", "gaps", "known_spans", "ledger_of", "prefix_of"]

RECORD = struct.Struct("<QQ")

Span = tuple[int, int]
"""First byte, and first byte after it."""


class Spans:
    """The ledger while the file arrives. Safe to use from several threads; close it."""

    def __init__(self, path: Path, known: Iterable[Span]) -> None:
        self._lock = threading.Lock()
        self._records: list[Span] = merged(known)
        # Written anew and renamed: a kill between two records must not make a new ledger of half an old one.
        temporary = path.with_name(f"{path.name}.new")
        temporary.write_bytes(b"".join(RECORD.pack(start, end - start) for start, end in self._records))
        move(temporary, path)
        self._file: IO[bytes] = path.open("r+b", buffering=0)
        self.here = sum(end - start for start, end in self._records)
        """Bytes that are here."""

    def open(self, start: int) -> int:
        """Begin a span; return its number."""
        with self._lock:
            self._records.append((start, start))
            return len(self._records) - 1

    def extend(self, number: int, end: int) -> None:
        """Count a span as here up to ``end``; what it counts must have been written. One thread per span."""
        with self._lock:
            start, before = self._records[number]
            self.here += end - before
            self._records[number] = (start, end)
        record = RECORD.pack(start, end - start)
        if hasattr(os, "pwrite"):
            os.pwrite(self._file.fileno(), record, number * RECORD.size)
            return
        with self._lock:
            self._file.seek(number * RECORD.size)
            self._file.write(record)

    def spans(self) -> list[Span]:
        """What is here, in order."""
        with self._lock:
            return merged(self._records)

    def prefix(self) -> int:
        """Bytes that are here from the beginning without a gap."""
        with self._lock:
            return prefix_of(self._records)

    def close(self) -> None:
        """Close the ledger's file."""
        self._file.close()


def ledger_of(partial: Path) -> Path:
    """Where the ledger of a partial file is."""
    return partial.with_name(f"{partial.name}.spans")


def known_spans(partial: Path, size: int) -> list[Span]:
    """What is here of a file of ``size`` bytes, in order: by its ledger, else the partial file is its beginning.

    A file that is too large, or a ledger that cannot be its, is none of ours: then nothing is here.
    """
    try:
        there = partial.stat().st_size
    except OSError:
        return []
    try:
        data = ledger_of(partial).read_bytes()
    except OSError:
        return [(0, there)] if 0 < there <= size else []
    spans = []
    for start, count in RECORD.iter_unpack(data[: len(data) // RECORD.size * RECORD.size]):
        if start + count > min(size, there):
            return []
        spans.append((start, start + count))
    return merged(spans)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Join spans that touch or overlap; leave empty ones out."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if start == end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def prefix_of(spans: Iterable[Span]) -> int:
    """How far spans reach from the first byte on."""
    first = next(iter(merged(spans)), (0, 0))
    return first[1] if first[0] == 0 else 0


def gaps(spans: Iterable[Span], size: int) -> list[Span]:
    """What is not here of a file of ``size`` bytes, in order."""
    missing, position = [], 0
    for start, end in merged(spans):
        if start > position:
            missing.append((position, start))
        position = max(position, end)
    return [*missing, (position, size)] if position < size else missing
