"""How often a stream of bytes may break off before it is given up."""

from __future__ import annotations

from dataclasses import field

from lockhouse.values import dataclass

__all__ = ["Interruptions"]

PROGRESS = 1 << 14
"""Bytes that must come through for the first time so that interruptions are counted anew."""


@dataclass(slots=True)
class Interruptions:
    """Counts the interruptions of one stream since it last made progress; ``best`` is how far it came.

    A server that closes after every few bytes, or begins anew each time and never comes to the end, makes none.
    """

    best: int
    _since: int = field(default=0, init=False)

    def count(self, have: int) -> int:
        """Note an interruption with ``have`` bytes here; return how many there were without progress."""
        if have >= self.best + PROGRESS:
            self.best, self._since = have, 0
        else:
            self._since += 1
        return self._since
