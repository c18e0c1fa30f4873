"""Admitting wheels: many at once, on all cores, each entry published when it is whole.

A wheel of usual size is the work of one process, from its table to its publication. A large one is prepared here while
others are at work on those, and its members are then shared by all. Where no process can be forked threads do the same:
inflating, hashing and the kernel leave the interpreter free, but with many small files they wait for each other.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from lockhouse.environments.removal import remove_tree
from lockhouse.errors import BuildError, StorageError
from lockhouse.sharing import share
from lockhouse.state import current_boot, storage_errors
from lockhouse.store.entries import FILES, StoredFile, write_entry
from lockhouse.store.shelves import UNPACKING, Store, size_of
from lockhouse.store.unpacking import Part, parts_of, unpack
from lockhouse.wheels.wheelfile import Wheel, read_wheel

__all__ = ["Advanced", "make_free"]

WORKERS = min(8, (os.cpu_count() or 1) + 1)
"""Threads: one more than can compute, for those that wait for the disk."""

MOST = 8
"""Processes."""

LARGE = 8 << 20
"""Bytes of an archive from which on several processes share it."""

JOB_BYTES = 16 << 20
JOB_FILES = 256
"""What one job takes: small enough that the cores end together and that giving up is prompt."""

OVERHEAD = 64 << 10
"""Bytes of an archive that are unpacked in the time that an entry costs whatever is in it."""

FILE = 8 << 10
"""Bytes of an archive that are unpacked in the time that a file costs whatever is in it."""

MANY = 4000
"""Files whose index takes as long to write as a process to start."""

WORTH_A_PROCESS = 1 << 20
"""Bytes of wheels that take longer to unpack than a process to start."""

Advanced = Callable[[int, int], None]
"""Told of bytes of wheels that are unpacked, and of how many there are to unpack."""

_Answer = tuple[int, list[tuple[tuple[Any, ...], bool]]]
"""The place of a large wheel, and what a job has unpacked of it: fields of StoredFile, and whether it is headless."""


class _Making:
    """An entry that is being made in the folder ``draft``."""

    def __init__(self, wheel: Wheel, sha256: str, draft: Path) -> None:
        self.wheel = wheel
        self.sha256 = sha256
        self.draft = draft
        self.found: list[tuple[StoredFile, bool]] = []

    def prepare(self) -> list[list[Part]]:
        """Make the folders; return the jobs."""
        parts = parts_of(self.wheel)
        root = str(self.draft / FILES)
        os.makedirs(root)  # noqa: PTH103 - thousands of folders, here and below
        for folder in _folders(parts):
            os.mkdir(f"{root}/{folder}")  # noqa: PTH102
        return list(_jobs(parts))

    def work(self, job: list[Part]) -> list[tuple[StoredFile, bool]]:
        """Do a job, again where it was done in part."""
        return unpack(str(self.wheel.path), self.wheel.filename, job, str(self.draft / FILES))

    def finish(self) -> None:
        """Write the index: the draft is whole."""
        files = sorted(item for item, _ in self.found)
        scripts = f"{self.wheel.data_dir}/scripts/"
        rewritten = [item.path for item, headless in self.found if headless and item.path.startswith(scripts)]
        write_entry(self.draft, self.wheel, self.sha256, files, rewritten, current_boot())


def make_free(
    store: Store, wheels: Mapping[str, Path], advanced: Callable[[int], None], given_up: threading.Event
) -> None:
    """Make the entries of wheels, by their sha256, that nobody else is making.

    ``advanced`` is told of how many bytes of wheels are done with. Raises what is wrong with a wheel, StorageError, and
    BuildError soon after somebody set ``given_up``; what was published before that stays, of the rest nothing is left.
    """
    sizes = {sha256: size_of(wheel) for sha256, wheel in wheels.items()}
    # The largest first, so that it does not run alone at the end.
    order = sorted(wheels, key=lambda sha256: sizes[sha256], reverse=True)
    large = [sha256 for sha256 in order if sizes[sha256] >= LARGE]
    usual = order[len(large) :]
    weights = [sizes[sha256] + OVERHEAD for sha256 in usual]
    first = sum(sizes[sha256] for sha256 in usual)
    makers = _Makers(store, wheels, given_up)
    try:
        share(
            makers.make,
            usual,
            weights,
            WORTH_A_PROCESS,
            lambda begun: advanced(first * begun // (sum(weights) or 1)),
            threads=WORKERS,
            most=MOST,
            meanwhile=lambda: makers.prepare(large),
        )
        makers.make_large(lambda done: advanced(first + done))
    except BaseException:
        given_up.set()
        makers.clear()
        raise
    finally:
        makers.reservations.give_all()


class _Makers:
    """Those that make entries: processes, or threads, with the wheels that they share."""

    def __init__(self, store: Store, wheels: Mapping[str, Path], given_up: threading.Event) -> None:
        self.store = store
        self.wheels = wheels
        self.given_up = given_up
        self.reservations = store.reservations()
        self.left = store.drafts()
        self.mark = secrets.token_hex(4)
        self.large: list[_Making] = []
        self.jobs: list[tuple[int, list[Part]]] = []

    def make(self, some: Sequence[str]) -> None:
        """Make entries from beginning to end."""
        for sha256 in some:
            self._go_on()
            making = self._begin(sha256)
            if making is None:
                continue
            try:
                with storage_errors(making.draft):
                    for job in making.prepare():
                        making.found += making.work(job)
                    self._publish(making)
            finally:
                remove_tree(making.draft)
                self.reservations.give(sha256)

    def prepare(self, large: Sequence[str]) -> None:
        """Reserve wheels, make their folders and divide what there is to do."""
        for sha256 in large:
            self._go_on()
            making = self._begin(sha256)
            if making is not None:
                with storage_errors(making.draft):
                    self.jobs += ((len(self.large), job) for job in making.prepare())
                self.large.append(making)

    def make_large(self, advanced: Callable[[int], None]) -> None:
        """Unpack and publish what was prepared."""
        packed = [sum(part.packed_size for part in job) for _, job in self.jobs]
        weights = [size + FILE * len(job) for size, (_, job) in zip(packed, self.jobs, strict=True)]
        shares = share(
            self._work,
            self.jobs,
            weights,
            WORTH_A_PROCESS,
            lambda begun: advanced(sum(packed) * begun // (sum(weights) or 1)),
            threads=WORKERS,
            most=MOST,
        )
        for place, found in chain.from_iterable(shares):
            self.large[place].found += ((StoredFile._make(item), headless) for item, headless in found)
        counts = [len(making.found) for making in self.large]
        share(self._publish_all, self.large, counts, MANY, threads=1)

    def clear(self) -> None:
        """Remove what those left who were ended in the midst of it."""
        with contextlib.suppress(OSError, StorageError):  # the error that is on its way says more
            for draft in self.store.shelves.glob(f"{UNPACKING}*-{self.mark}"):
                remove_tree(draft)
            for sha256 in self.wheels:
                if (self.reservations.folder / sha256).exists() and self.reservations.take(sha256):
                    self.reservations.give(sha256)

    def _begin(self, sha256: str) -> _Making | None:
        """Reserve a wheel and read it; None if there is nothing to do, or somebody else does it."""
        if not self.reservations.take(sha256):
            return None
        if self.store.entry(sha256) is not None:
            self.reservations.give(sha256)
            return None
        draft = self.store.shelves / f"{UNPACKING}{sha256}-{self.mark}"
        # Its own may be there if a process was killed, whose work this one does.
        for left in (*(self.left.get(sha256, ()) if self.reservations.alone(sha256) else ()), draft):
            remove_tree(left)
        return _Making(read_wheel(self.wheels[sha256]), sha256, draft)

    def _work(self, jobs: Sequence[tuple[int, list[Part]]]) -> list[_Answer]:
        answers = []
        for place, job in jobs:
            self._go_on()
            making = self.large[place]
            with storage_errors(making.draft):
                answers.append((place, [(tuple(item), headless) for item, headless in making.work(job)]))
        return answers

    def _publish_all(self, makings: Sequence[_Making]) -> None:
        for making in makings:
            with storage_errors(making.draft):
                # Whoever was killed may have come to the end of this one.
                if making.draft.exists():
                    self._publish(making)

    def _publish(self, making: _Making) -> None:
        making.finish()
        if not self.store.publish(making.draft, self.store.home(making.sha256)):
            remove_tree(making.draft)

    def _go_on(self) -> None:
        if self.given_up.is_set():
            raise BuildError("the installation was given up")


def _folders(parts: Sequence[Part]) -> list[str]:
    """Every folder that the parts need, parents first."""
    found = {part.path.rpartition("/")[0] for part in parts}
    for folder in list(found):
        while folder := folder.rpartition("/")[0]:
            if folder in found:
                break
            found.add(folder)
    return sorted(found - {""})


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
