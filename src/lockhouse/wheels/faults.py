"""The ways in which a server fails, told apart by whether asking again can help."""

from __future__ import annotations

from lockhouse.errors import Hint, NetworkError

__all__ = ["NotServed", "RangeRefused", "Unavailable"]


class Unavailable(NetworkError):
    """A server cannot answer now; ``retry_after`` in seconds if it said when it could.

    ``nowhere`` if its name leads to no address: that is rarely a matter of seconds. ``crowded`` if it says that it is
    asked too much.
    """

    def __init__(
        self,
        summary: str,
        *,
        url: str,
        cause: str,
        hints: tuple[Hint, ...] = (),
        retry_after: float | None = None,
        nowhere: bool = False,
        crowded: bool = False,
    ) -> None:
        super().__init__(summary, url=url, cause=cause, hints=hints)
        self.retry_after = retry_after
        self.nowhere = nowhere
        self.crowded = crowded


class NotServed(NetworkError):
    """A server answered with a status that asking again will not change."""

    def __init__(self, summary: str, *, url: str, status: int, cause: str, hints: tuple[Hint, ...] = ()) -> None:
        super().__init__(summary, url=url, cause=cause, hints=hints)
        self.status = status


class RangeRefused(NotServed):
    """The file has no such range (416): what was downloaded before is not a part of it."""
