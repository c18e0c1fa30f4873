"""Files of many folders of the store into an environment, on all cores.

Hard links are the kernel's work with a little of ours between two calls, which threads would do one at a time: forked
processes take their share. Clones and copies take longer in the kernel, and threads do as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from lockhouse.environments.removal import remove_tree
from lockhouse.errors import BuildError
from lockhouse.sharing import share
from lockhouse.store.linking import Conflict, LinkMode, Transfer, link_tree

__all__ = ["Damaged", "bring"]

AT_ONCE = 2
"""Threads: most is the kernel's work, and all files of one file system wait for its journal."""

PIECE = 512
"""Files that are taken at a time."""

WORTH_A_PROCESS = 1000
"""Files whose linking takes as long as starting a process."""

_Answer = tuple[int, str, int]
"""The place of a transfer and the name of a file for which there was no place, or no name and how many had their turn
before the store was found to be damaged."""


class Damaged(Exception):
    """Folders of the store are damaged: ``places`` are those of their transfers. Nothing that was brought is left."""

    def __init__(self, places: frozenset[int]) -> None:
        self.places = places
        super().__init__(f"damaged: {sorted(places)}")


def bring(
    transfers: Sequence[Transfer],
    mode: LinkMode,
    advanced: Callable[[int], None] = lambda _: None,
    given_up: threading.Event | None = None,
) -> list[tuple[int, Conflict]]:
    """Bring all files; give those for which there was no place, each with the place of its transfer.

    ``advanced`` is told how many have been taken so far. Raises Damaged, BuildError soon after
    ``given_up`` was set, OSError when the file system refuses.
    """
    given_up = given_up or threading.Event()
    pieces = list(_pieces([len(transfer.names) for transfer in transfers]))
    counts = [sum(len(transfer.names) for transfer in transfers[piece.start : piece.stop]) for piece in pieces]
    take = partial(_take, transfers, mode, given_up)
    advanced(0)
    forking = mode == "hardlink"  # half a copy would be in the way of the whole one
    shares = share(take, pieces, counts, WORTH_A_PROCESS, advanced, threads=AT_ONCE, forking=forking)
    answers = list(chain.from_iterable(shares))
    conflicts = [
        (place, Conflict(transfers[place].source, transfers[place].target, name)) for place, name, _ in answers if name
    ]
    damaged = {place: tried for place, name, tried in answers if not name}
    if damaged:
        _take_back(transfers, conflicts, damaged)
        raise Damaged(frozenset(damaged))
    return conflicts


def _take_back(
    transfers: Sequence[Transfer], conflicts: Iterable[tuple[int, Conflict]], damaged: Mapping[int, int]
) -> None:
    """Remove all that was brought, and nothing that was there before."""
    before = {(place, conflict.name) for place, conflict in conflicts}
    for place, transfer in enumerate(transfers):
        for name in transfer.names[: damaged.get(place)]:
            if (place, name) not in before:
                remove_tree(Path(transfer.target, name))


def _take(
    transfers: Sequence[Transfer], mode: LinkMode, given_up: threading.Event, pieces: Sequence[range]
) -> list[_Answer]:
    answers: list[_Answer] = []
    for place in chain.from_iterable(pieces):
        if given_up.is_set():
            raise BuildError("the installation was given up")
        for found in link_tree([transfers[place]], mode):
            name, tried = (found.name, 0) if isinstance(found, Conflict) else ("", found.tried)
            answers.append((place, name, tried))
    return answers


def _pieces(counts: Sequence[int]) -> Iterator[range]:
    begin = count = 0
    for end, added in enumerate(counts, 1):
        count += added
        if count >= PIECE or end == len(counts):
            yield range(begin, end)
            begin, count = end, 0
