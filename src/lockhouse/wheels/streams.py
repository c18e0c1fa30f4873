"""A file on its way, wherever it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["BLOCK", "Stream"]

BLOCK = 1 << 16
"""Bytes read at a time: what a kill can lose, and still few enough calls for a fast network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A file on its way: ``blocks`` begin at byte ``start`` of ``total`` (None if the server does not say).

    ``validator`` names this version of the file for ``If-Range``: a strong ETag, else None.
    """

    start: int
    total: int | None
    validator: str | None
    blocks: Iterator[bytes]
