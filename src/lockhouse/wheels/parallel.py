"""The same job for many items at once, with failures kept apart and a prompt end."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from lockhouse.errors import LockhouseError, StorageError

__all__ = ["Aside", "Helping", "do_all"]

T = TypeVar("T")

FAREWELL = 0.5
"""Seconds that threads are given to end when the work is called off."""


class Helping(Protocol):
    """What threads do that find no item left: parts of what others have begun."""

    def help(self) -> bool:
        """Do a part of somebody's item; False if there is none."""

    def wait(self) -> None:
        """Wait, but not for long, until there may be one."""

    def end(self) -> None:
        """Wake all who wait: it is over."""


def do_all(
    job: Callable[[T], None],
    items: Sequence[T],
    width: int,
    stop: threading.Event,
    helping: Helping | None = None,
) -> list[tuple[T, LockhouseError]]:
    """Do the job for all items, ``width`` at a time; return those that failed with their errors.

    A job that hears ``stop`` ends early. It is set when all is done, when the disk refuses (which fails every other
    item too), on Ctrl-C, and when a job raises what is no LockhouseError, which is raised here. The threads are
    daemons: nobody waits for one that is deep in a read. With ``helping``, threads help before they begin an item of
    their own, and when none is left: what was begun ends early.
    """
    waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
    finished: queue.SimpleQueue[tuple[T, BaseException | None]] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)

    def work() -> None:
        while not stop.is_set():
            if helping is not None and helping.help():
                continue
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                if helping is None:
                    return
                helping.wait()
                continue
            try:
                job(item)
            except BaseException as error:  # noqa: BLE001  handed to the thread that waits
                finished.put((item, error))
            else:
                finished.put((item, None))

    number = width if helping is not None else min(width, len(items))
    threads = [threading.Thread(target=work, daemon=True) for _ in range(number)]
    failures: list[tuple[T, LockhouseError]] = []
    try:
        for thread in threads:
            thread.start()
        for _ in items:
            item, error = _next(finished)
            if isinstance(error, LockhouseError):
                failures.append((item, error))
                if isinstance(error, StorageError):
                    break
            elif error is not None:
                raise error
    finally:
        stop.set()
        if helping is not None:
            helping.end()
        deadline = time.monotonic() + FAREWELL
        for thread in threads:
            if thread.ident is not None:
                thread.join(timeout=max(0.0, deadline - time.monotonic()))
    return failures


def _next(finished: queue.SimpleQueue[tuple[T, BaseException | None]]) -> tuple[T, BaseException | None]:
    while True:
        try:
            return finished.get(timeout=0.2)  # Windows hears Ctrl-C only between waits
        except queue.Empty:
            continue


class Aside:
    """Work that goes on beside other work, ``width`` jobs at a time, in the order in which it is given."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._failures: list[BaseException] = []

    def do(self, job: Callable[[], None]) -> None:
        """Do a job soon."""
        self._jobs.put(job)
        with self._lock:
            if len(self._threads) < self._width:
                thread = threading.Thread(target=self._work, daemon=True)
                self._threads.append(thread)
                thread.start()

    def finish(self) -> None:
        """Wait until all is done; raise what a job raised first."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            while thread.is_alive():
                thread.join(timeout=0.2)  # Windows hears Ctrl-C only between waits
        if self._failures:
            raise self._failures[0]

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None and not self._failures:
            try:
                job()
            except BaseException as error:  # noqa: BLE001  handed to the thread that waits
                self._failures.append(error)
