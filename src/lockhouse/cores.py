"""Work on all cores that threads would do on one: many short calls, with Python between them, in forked processes.

Asking the kernel for ten thousands of files takes as long in two threads as in one: the interpreter's lock changes
hands at every call. A forked process has all that its parent knows and starts in two milliseconds. What it answers must
be what :mod:`marshal` can write: numbers, text, tuples, lists, sets, dictionaries.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TypeVar

from lockhouse.forking import Helpers, can_fork, undisturbed

__all__ = ["at_once", "cut", "spread"]

T = TypeVar("T")
R = TypeVar("R")

MOST = 4
"""Processes for what is the file system's work: beyond, starting them and its own locks take what they would save."""

PIECES = 8
"""Pieces of work for each process: who is slower, because others use its core too, takes fewer of them."""


def spread(
    work: Callable[[Sequence[T]], R],
    items: Sequence[T],
    weights: Sequence[int],
    least: int,
    taken: Callable[[int], None] = lambda _: None,
    *,
    most: int = MOST,
    meanwhile: Callable[[], object] = lambda: None,
) -> list[R]:
    """Do ``work`` on all items, a run of them at a time, on as many cores as there are; give what each run gave.

    ``work`` answers; what it changes in memory is lost, and it may be done again where it was done in part. ``least``
    is the weight that pays for a process. ``taken`` is told now and then, in this process, what weight somebody has
    begun. There are ``most`` processes at most, this one included. Where forking is not safe, here or now, there is one
    run. ``meanwhile`` is done by this process before it takes part, while the others work. The first error of ``work``
    is raised here, and nothing is begun after it.
    """
    count = min(_cores(), most, sum(weights) // least)
    if count < 2 or not can_fork():
        meanwhile()
        only = work(items)
        taken(sum(weights))
        return [only]
    parts = cut(weights, count * PIECES)
    runs = [items[run.start : run.stop] for run in parts]
    begun = list(accumulate(sum(weights[run.start : run.stop]) for run in parts))
    here = os.getpid()
    # Whoever reads a number from the pipe has that run. It is full before anybody reads, and then closed.
    reading, writing = os.pipe()
    os.write(writing, bytes(range(len(runs))))
    os.close(writing)

    def help_along() -> tuple[dict[int, R], int | None]:
        mine: dict[int, R] = {}
        failing = None

        def begin(number: int) -> None:
            nonlocal failing
            failing = number
            if os.getppid() != here:
                os._exit(1)  # the process that it helps was killed

        try:
            _take(work, runs, reading, begin, mine)
            failing = None
        except Exception:  # noqa: BLE001 - it is told
            while os.read(reading, len(runs)):
                pass  # nobody is to begin anything after it
        return mine, failing

    helpers = Helpers()
    try:
        helpers.start(help_along, count - 1)
        meanwhile()
        done: dict[int, R] = {}
        _take(work, runs, reading, lambda number: taken(begun[number]), done)
        failed = []
        for answer, number in helpers.answers():
            done |= answer
            failed += [] if number is None else [number]
        for number in failed:  # an error cannot be handed over: it comes again here
            done[number] = work(runs[number])
        taken(sum(weights))
        # What a helper took and never answered, because it was killed, falls to this process.
        return [done[index] if index in done else work(run) for index, run in enumerate(runs)]
    finally:
        helpers.end()
        os.close(reading)


def at_once(work: Callable[[T], object], first: T, second: T) -> None:
    """Do ``work`` on two things in two threads, which pays where most of it is the kernel's; raises what either does.

    For less than :mod:`concurrent.futures`, whose import alone takes milliseconds.
    """
    failed: list[BaseException] = []
    ended = threading.Event()  # a join that is interrupted takes the thread for ended (CPython before 3.13)

    def work_too() -> None:
        try:
            work(second)
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            failed.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=work_too)
    try:
        with undisturbed():
            thread.start()
        work(first)
    finally:
        try:
            if thread.ident is not None:
                ended.wait()
        except BaseException:
            ended.wait()  # whoever interrupts must find nobody at work
            raise
    thread.join()  # beside a thread nothing is forked
    if failed:
        raise failed[0]


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cut(weights: Sequence[int], count: int) -> list[range]:
    """Cut items into about ``count`` runs of the same weight, the heaviest first: else it might run alone at the end.

    Gives their places.
    """
    least = sum(weights) / count
    runs: list[tuple[int, range]] = []
    begin = weight = 0
    for end, added in enumerate(weights, 1):
        weight += added
        if weight >= least or end == len(weights):
            runs.append((weight, range(begin, end)))
            begin, weight = end, 0
    return [run for _, run in sorted(runs, key=lambda run: run[0], reverse=True)]


def _take(
    work: Callable[[Sequence[T]], R],
    runs: Sequence[Sequence[T]],
    reading: int,
    begin: Callable[[int], None],
    done: dict[int, R],
) -> None:
    """Do runs as long as there are numbers to read; keep what each gave in ``done``."""
    while number := os.read(reading, 1):
        begin(number[0])
        done[number[0]] = work(runs[number[0]])
