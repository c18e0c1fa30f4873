"""The same job for many items at once, with failures kept apart and a prompt end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from lockhouse.errors import LockhouseError, StorageError

__all__ = ["do_all"]

T = TypeVar("T")


def do_all(
    job: Callable[[T], None], items: Sequence[T], width: int, stop: threading.Event
) -> list[tuple[T, LockhouseError]]:
    """Do the job for all items, ``width`` at a time; return those that failed with their errors.

    A job that hears ``stop`` ends early. It is set when all is done, when the disk refuses (which fails every other
    item too), on Ctrl-C, and when a job raises what is no LockhouseError, which is raised here. The threads are
    daemons: nobody waits for one that is deep in a read.
    """
    waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
    finished: queue.SimpleQueue[tuple[T, BaseException | None]] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)

    def work() -> None:
        while not stop.is_set():
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                job(item)
            except BaseException as error:  # noqa: BLE001  handed to the thread that waits
                finished.put((item, error))
            else:
                finished.put((item, None))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(width, len(items)))]
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
        for thread in threads:
            if thread.ident is not None:
                thread.join(timeout=0.5)
    return failures


def _next(finished: queue.SimpleQueue[tuple[T, BaseException | None]]) -> tuple[T, BaseException | None]:
    while True:
        try:
            return finished.get(timeout=0.2)  # Windows hears Ctrl-C only between waits
        except queue.Empty:
            continue
