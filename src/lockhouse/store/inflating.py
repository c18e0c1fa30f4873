"""Inflating: by the fastest library there is here."""

from __future__ import annotations

import zlib
from functools import cache
from types import ModuleType
from typing import Protocol

__all__ = ["Inflater", "broken", "inflater"]

RAW = -15
"""Deflate without a header of its own, as zip archives have it."""


class Inflater(Protocol):
    """What decompression objects of zlib and isal have in common."""

    @property
    def eof(self) -> bool:
        """Whether the end of the packed data was reached."""

    @property
    def unconsumed_tail(self) -> bytes:
        """Input that was not needed for the output asked for."""

    def decompress(self, data: bytes | memoryview, max_length: int = ..., /) -> bytes:
        """Inflate more input, to at most ``max_length`` bytes."""


def inflater() -> Inflater:
    """Return a fresh inflater."""
    made: Inflater = _library().decompressobj(RAW)
    return made


def broken() -> tuple[type[Exception], ...]:
    """What inflaters raise for data that is not deflated."""
    return (zlib.error, _library().error)


@cache
def _library() -> ModuleType:
    try:
        from isal import isal_zlib  # half the time of zlib; there is no wheel of it for some platforms
    except ImportError:
        return zlib
    return isal_zlib
