"""Work on all cores that threads would do on one: many short calls, with Python between them, in forked processes.

Asking the kernel for ten thousands of files takes as long in two threads as in one: the interpreter's lock changes
hands at every call. A forked process has all that its parent knows and starts in two milliseconds. What it answers must
be what :mod:`marshal` can write: numbers, text, tuples, lists, sets, dictionaries.
"""

from __future__ import annotations

import atexit
import contextlib
import marshal
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, TypeVar
from weakref import WeakSet

__all__ = ["at_once", "beside", "can_fork", "cut", "quiet", "spread"]

T = TypeVar("T")
R = TypeVar("R")

MOST = 4
"""Processes for what is the file system's work: beyond, starting them and its own locks take what they would save."""

PIECES = 8
"""Pieces of work for each process: who is slower, because others use its core too, takes fewer of them."""

WHOLE = b"whole"
"""What an answer ends with."""

QUIET = 0.2
"""Seconds that a thread of ours may take to come to rest: one may wait for a terminal that somebody has stopped."""

quiet = threading.Lock()
"""Whoever holds it knows that no thread of :func:`beside` does anything but wait."""

_beside: WeakSet[threading.Thread] = WeakSet()

_ending: set[int] = set()
"""Helpers that have answered, and whose end has not been seen."""


class _Helper(NamedTuple):
    """A forked process, and where its answer comes from."""

    process: int
    answer: int


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
    reading, writing = os.pipe()
    helpers: list[_Helper] = []
    try:
        # Whoever reads a number from the pipe has that run. It is full before anybody reads, and then closed.
        os.write(writing, bytes(range(len(runs))))
        os.close(writing)
        if quiet.acquire(timeout=QUIET):
            try:
                with contextlib.suppress(OSError):  # no process to be had: then this one does it all
                    helpers.extend(_start(work, runs, reading) for _ in range(count - 1))
            finally:
                quiet.release()
        meanwhile()
        done = _take(work, runs, reading, lambda number: taken(begun[number]))
        failed = []
        while helpers:
            answer, number = _answer(helpers.pop())
            done |= answer
            failed += [] if number is None else [number]
        for number in failed:  # an error cannot be handed over: it comes again here
            done[number] = work(runs[number])
        taken(sum(weights))
        # What a helper took and never answered, because it was killed, falls to this process.
        return [done[index] if index in done else work(run) for index, run in enumerate(runs)]
    finally:
        os.close(reading)
        for helper in helpers:
            _end(helper)
        _see_ended(os.WNOHANG)


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
    thread.start()
    try:
        work(first)
    finally:
        try:
            ended.wait()
        except BaseException:
            ended.wait()  # whoever interrupts must find nobody at work
            raise
    thread.join()  # beside a thread nothing is forked
    if failed:
        raise failed[0]


def beside(work: Callable[[], object]) -> threading.Thread:
    """Start a thread beside which processes are forked all the same.

    Whatever it does, it does while it holds :data:`quiet`: so no lock, not even one of a library, is held by it when a
    process is forked, in whose copy it would stay locked for ever. It does not keep the process from ending.
    """
    thread = threading.Thread(target=work, daemon=True)
    _beside.add(thread)
    thread.start()
    return thread


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def can_fork() -> bool:
    """Whether this process may be forked: not beside threads of others, which could hold locks for ever in the copy.

    Nor on macOS, whose own libraries must not be used in a forked process.
    """
    if sys.platform != "linux":
        return False
    return threading.active_count() - sum(thread.is_alive() for thread in _beside) == 1


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
    done: dict[int, R] | None = None,
) -> dict[int, R]:
    done = {} if done is None else done
    while number := os.read(reading, 1):
        begin(number[0])
        done[number[0]] = work(runs[number[0]])
    return done


def _start(work: Callable[[Sequence[T]], R], runs: Sequence[Sequence[T]], reading: int) -> _Helper:
    answer, telling = os.pipe()
    parent, process = os.getpid(), os.fork()
    if process:
        os.close(telling)
        return _Helper(process, answer)
    # The copy: it must not come back to where it was called from, whatever happens.
    try:
        quiet.release()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.close(answer)
        done: dict[int, Any] = {}
        failed = None

        def begin(number: int) -> None:
            nonlocal failed
            failed = number
            if os.getppid() != parent:
                os._exit(1)  # the process that it helps was killed

        try:
            _take(work, runs, reading, begin, done)
            failed = None
        except Exception:  # noqa: BLE001 - it is told
            while os.read(reading, len(runs)):
                pass  # nobody is to begin anything after it
        view = memoryview(marshal.dumps((done, failed)) + WHOLE)
        while view:
            view = view[os.write(telling, view) :]
        # Who has the answer may give locks back at once: no copy of them is to be open any more.
        os.closerange(0, telling)
        os.closerange(telling + 1, os.sysconf("SC_OPEN_MAX"))
        os.close(telling)
        os._exit(0)
    finally:
        os._exit(1)


def _answer(helper: _Helper) -> tuple[dict[int, Any], int | None]:
    """Give what a helper has done, by number, and what it failed in; nothing if it did not come to its end."""
    blocks = []
    try:
        while block := os.read(helper.answer, 1 << 20):
            blocks.append(block)
    except BaseException:
        _end(helper)
        raise
    os.close(helper.answer)
    data = b"".join(blocks)
    if not data.endswith(WHOLE):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(helper.process, 0)
        return {}, None
    _ending.add(helper.process)  # it has but to give its memory back, which takes milliseconds
    answer: tuple[dict[int, Any], int | None] = marshal.loads(data)  # noqa: S302 - written by a copy of this process
    return answer


def _see_ended(options: int = 0) -> None:
    """Take note of the end of helpers that have answered; by itself, wait for it."""
    for process in tuple(_ending):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(process, options) == (0, 0):
                continue
        _ending.discard(process)


if sys.platform != "win32":
    atexit.register(_see_ended)  # nobody else may be there to do it: in a container, say


def _end(helper: _Helper) -> None:
    os.close(helper.answer)
    with contextlib.suppress(ProcessLookupError):
        os.kill(helper.process, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(helper.process, 0)
