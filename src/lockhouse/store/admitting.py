"""Admitting wheels: many at once, their members spread over all cores, each entry published when it is whole.

Threads, not processes: inflating, hashing and every call of the kernel leave the interpreter free, and measured over
24,000 files threads need no longer than processes, which would cost their start and carry errors and signals badly.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

from lockhouse.errors import BuildError
from lockhouse.state import current_boot, storage_errors
from lockhouse.store.entries import FILES, StoredFile, write_entry
from lockhouse.store.unpacking import Part, parts_of, unpack
from lockhouse.wheels.wheelfile import Wheel

__all__ = ["Advanced", "Making", "Meter", "make_all"]

WORKERS = min(8, (os.cpu_count() or 1) + 1)
"""One more than can compute, for those that wait for the disk."""

JOB_BYTES = 16 << 20
JOB_FILES = 256
"""What one job takes: small enough that the cores end together and that giving up is prompt."""


Advanced = Callable[[int, int], None]
"""Told of bytes of wheels that are unpacked, and of how many there are to unpack."""


class Meter:
    """Counts the bytes of wheels that are done with, for several threads."""

    def __init__(self, total: int, advanced: Advanced) -> None:
        self.total = total
        self.done = 0
        self.advanced = advanced
        self.lock = threading.Lock()

    def add(self, size: int) -> None:
        """Count bytes, and tell."""
        with self.lock:
            self.done += size
            self.advanced(self.done, self.total)


class Making:
    """An entry that is being made in the folder ``draft``."""

    def __init__(self, wheel: Wheel, sha256: str, draft: Path) -> None:
        self.wheel = wheel
        self.sha256 = sha256
        self.draft = draft
        self.parts = parts_of(wheel)
        self.found: list[tuple[StoredFile, bool]] = []
        self.remaining = 0
        self.lock = threading.Lock()

    def prepare(self) -> list[list[Part]]:
        """Make the folders; return the jobs."""
        root = str(self.draft / FILES)
        os.makedirs(root)  # noqa: PTH103 - thousands of folders, here and below
        for folder in _folders(self.parts):
            os.mkdir(f"{root}/{folder}")  # noqa: PTH102
        jobs = _apart(list(_jobs(self.parts)))
        self.remaining = len(jobs)
        return jobs

    def work(self, job: list[Part]) -> bool:
        """Do a job; return whether it was the last one and the draft is whole, index and all."""
        found = unpack(str(self.wheel.path), self.wheel.filename, job, str(self.draft / FILES))
        with self.lock:
            self.found += found
            self.remaining -= 1
            if self.remaining > 0:
                return False
        self._finish()
        return True

    def _finish(self) -> None:
        files = sorted(item for item, _ in self.found)
        scripts = f"{self.wheel.data_dir}/scripts/"
        rewritten = [item.path for item, headless in self.found if headless and item.path.startswith(scripts)]
        write_entry(self.draft, self.wheel, self.sha256, files, rewritten, current_boot())


def make_all(
    makings: Iterable[Making],
    publish: Callable[[Making], None],
    meter: Meter,
    given_up: threading.Event,
) -> None:
    """Unpack all, begun in the order given; ``publish`` is called for each that is whole, in one of the threads.

    ``makings`` is consumed while earlier ones are being unpacked: the tables of large archives take a while to read.
    On the first error, and when somebody sets ``given_up``, the rest is given up: no thread works any more when this
    returns or raises.
    """

    def run(making: Making, job: list[Part]) -> None:
        if given_up.is_set():
            raise BuildError("the installation was given up")
        try:
            with storage_errors(making.draft):
                whole = making.work(job)
            meter.add(sum(part.packed_size for part in job))
            if whole:
                publish(making)
        except BaseException:
            given_up.set()
            raise

    with ThreadPoolExecutor(WORKERS) as pool:
        futures: list[Future[None]] = []
        try:
            for making in makings:
                with storage_errors(making.draft):
                    jobs = making.prepare() or [[]]
                futures += [pool.submit(run, making, job) for job in jobs]
                if given_up.is_set():
                    break
            wait(futures, return_when=FIRST_EXCEPTION)
            _raise_first(futures)
        except BaseException:
            given_up.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _raise_first(futures: Sequence[Future[None]]) -> None:
    """Raise what went wrong, and not what was only given up because of it."""
    errors = [error for future in futures if future.done() and not future.cancelled() and (error := future.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, BuildError)):
        raise error


def _folders(parts: Sequence[Part]) -> list[str]:
    """Every folder that the parts need, parents first."""
    found = {part.path.rpartition("/")[0] for part in parts}
    for folder in list(found):
        while folder := folder.rpartition("/")[0]:
            if folder in found:
                break
            found.add(folder)
    return sorted(found - {""})


def _apart(jobs: Sequence[list[Part]]) -> list[list[Part]]:
    """Order jobs so that those at work at once are far apart: who creates files in one folder waits for the other."""
    step = -(-len(jobs) // WORKERS)
    return [job for first in range(step) for job in jobs[first::step]]


def _jobs(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Split parts, neighbours in the archive together, the largest files first: they take longest."""
    large = [part for part in parts if part.size > JOB_BYTES]
    yield from ([part] for part in sorted(large, key=lambda part: part.size, reverse=True))
    job: list[Part] = []
    size = 0
    for part in parts:
        if part.size > JOB_BYTES:
            continue
        job.append(part)
        size += part.size
        if size > JOB_BYTES or len(job) >= JOB_FILES:
            yield job
            job, size = [], 0
    if job:
        yield job
