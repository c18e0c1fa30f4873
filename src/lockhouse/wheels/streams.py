"""A file on its way, wherever it comes from."""

from __future__ import annotations

from collections.abc import Iterator

from lockhouse.values import dataclass

__all__ = ["BLOCK", "Stream"]

BLOCK = 1 << 17
"""Bytes read at a time at most; what arrives in smaller portions is passed on in these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A file on its way: ``blocks`` begin at byte ``start`` of ``total`` (None if the server does not say).

    ``validator`` names this version of the file for ``If-Range``: a strong ETag or a time of modification that can
    stand for one, else None. ``ranged`` if these are the bytes of a range, from a server that serves ranges.
    """

    start: int
    total: int | None
    validator: str | None
    blocks: Iterator[bytes]
    ranged: bool = False
