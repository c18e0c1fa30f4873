"""Work that all cores share: in processes where they can be forked, elsewhere in threads.

For what is the kernel's work for the most part, or that of code which leaves the interpreter free.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from lockhouse.cores import MOST, cut, spread
from lockhouse.forking import can_fork

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["share"]

T = TypeVar("T")
R = TypeVar("R")

PIECES = 16
"""Pieces of work for each thread: giving up and telling how far all are is prompt."""


class _Stopped(Exception):
    """A piece that was not begun because another one failed."""


def share(
    work: Callable[[Sequence[T]], R],
    items: Sequence[T],
    weights: Sequence[int],
    least: int,
    taken: Callable[[int], None] = lambda _: None,
    *,
    threads: int,
    most: int = MOST,
    forking: bool = True,
    meanwhile: Callable[[], object] = lambda: None,
) -> list[R]:
    """Do :func:`lockhouse.cores.spread`, or the same in ``threads`` where that would do all of it in one run.

    ``work`` answers in both; all of it has ended when this returns or raises. Without ``forking`` it is always threads:
    for work that cannot be done again where a process was killed in the midst of it.
    """
    if sum(weights) // least < 2 or (forking and can_fork()):
        return spread(work, items, weights, least, taken, most=most, meanwhile=meanwhile)
    parts = cut(weights, threads * PIECES)
    stopped = threading.Event()

    def take(part: range) -> R:
        if stopped.is_set():
            raise _Stopped
        try:
            return work(items[part.start : part.stop])
        except BaseException:
            stopped.set()
            raise

    from concurrent.futures import ThreadPoolExecutor, as_completed

    with ThreadPoolExecutor(threads) as pool:
        futures = {pool.submit(take, part): sum(weights[part.start : part.stop]) for part in parts}
        done = 0
        try:
            meanwhile()
            for future in as_completed(futures):
                future.result()
                done += futures[future]
                taken(done)
            return [future.result() for future in futures]
        except _Stopped:
            raise _cause(futures) from None
        finally:
            stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _cause(futures: Iterable[Future[R]]) -> BaseException:
    """Give the error for which the others were not begun."""
    errors = (future.exception() for future in futures if not future.cancelled())
    return next(error for error in errors if error is not None and not isinstance(error, _Stopped))
