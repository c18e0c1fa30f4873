"""Files of many folders of the store into an environment, on all cores.

Hard links are the kernel's work with a little of ours between two calls, which threads would do one at a time: forked
processes take their share. Clones and copies take longer in the kernel, and threads do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

from lockhouse.cores import can_fork, spread
from lockhouse.errors import BuildError
from lockhouse.store.linking import Conflict, LinkMode, Transfer, link_tree

__all__ = ["Brought", "bring"]

AT_ONCE = 2
"""Threads: most is the kernel's work, and all files of one file system wait for its journal."""

PIECE = 512
"""Files that are taken at a time."""

WORTH_A_PROCESS = 1000
"""Files whose linking takes as long as starting a process."""

_Answer = tuple[int, str | None]
"""The place of a transfer, and the name of a file for which there was no place; None where the store is damaged."""


class Brought(NamedTuple):
    """What did not go well: files for which there was no place, and the places of transfers from damaged folders."""

    conflicts: list[tuple[int, Conflict]]
    damaged: frozenset[int]


def bring(
    transfers: Sequence[Transfer],
    mode: LinkMode,
    advanced: Callable[[int], None] = lambda _: None,
    given_up: threading.Event | None = None,
) -> Brought:
    """Bring all files; ``advanced`` is told, in any thread, how many have been taken so far.

    Raises BuildError soon after ``given_up`` was set, OSError when the file system refuses; what was brought stays.
    """
    given_up = given_up or threading.Event()
    pieces = list(_pieces([len(transfer.names) for transfer in transfers]))
    counts = [sum(len(transfer.names) for transfer in transfers[piece.start : piece.stop]) for piece in pieces]
    take = partial(_take, transfers, mode, given_up)
    advanced(0)
    if mode == "hardlink" and can_fork():
        answers = chain.from_iterable(spread(take, pieces, counts, WORTH_A_PROCESS, advanced))
    else:
        answers = chain.from_iterable(_in_threads(take, pieces, counts, advanced, given_up))
    advanced(sum(counts))
    conflicts, damaged = [], set()
    for place, name in answers:
        if name is None:
            damaged.add(place)
        else:
            conflicts.append((place, Conflict(transfers[place].source, transfers[place].target, name)))
    return Brought(conflicts, frozenset(damaged))


def _take(
    transfers: Sequence[Transfer], mode: LinkMode, given_up: threading.Event, pieces: Sequence[range]
) -> list[_Answer]:
    answers: list[_Answer] = []
    for place in chain.from_iterable(pieces):
        if given_up.is_set():
            raise BuildError("the installation was given up")
        found = link_tree([transfers[place]], mode)
        answers.extend((place, item.name if isinstance(item, Conflict) else None) for item in found)
    return answers


def _in_threads(
    take: Callable[[Sequence[range]], list[_Answer]],
    pieces: Sequence[range],
    counts: Sequence[int],
    advanced: Callable[[int], None],
    given_up: threading.Event,
) -> list[list[_Answer]]:
    from concurrent.futures import ThreadPoolExecutor

    done = 0
    lock = threading.Lock()

    def take_one(piece: range, count: int) -> list[_Answer]:
        nonlocal done
        found = take([piece])
        with lock:
            done += count
            advanced(done)
        return found

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            return list(pool.map(take_one, pieces, counts))
        except BaseException:
            given_up.set()
            raise


def _pieces(counts: Sequence[int]) -> Iterator[range]:
    begin = count = 0
    for end, added in enumerate(counts, 1):
        count += added
        if count >= PIECE or end == len(counts):
            yield range(begin, end)
            begin, count = end, 0
