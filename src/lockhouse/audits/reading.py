"""Reading the wheels of a plan for the rules, on all cores: reading waits for the disk, judging for the processor."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress

from lockhouse.codec import decode, encode
from lockhouse.errors import UnsafeWheel
from lockhouse.events import Emit, Progress
from lockhouse.plan import PlannedDistribution
from lockhouse.sharing import share
from lockhouse.wheels.facts import WheelFacts, current_facts, known_facts
from lockhouse.wheels.wheelhouse import Wheelhouse

__all__ = ["read_wheels"]

READERS = min(8, (os.cpu_count() or 1) + 2)
"""Threads."""

OVERHEAD = 500_000
"""Bytes of a wheel that are read in the time that one costs whatever is in it."""

WORTH_A_PROCESS = 1 << 20
"""Bytes of wheels that take longer to read than a process to start."""


def read_wheels(
    planned: Sequence[PlannedDistribution], wheelhouse: Wheelhouse, emit: Emit
) -> Iterator[tuple[str, WheelFacts]]:
    """Give the facts of each wheel that is present, intact and safe, by the distribution's name, in no order.

    What is wrong with any other the rule of integrity says. Raises StorageError where a wheel cannot be read.
    """

    def tell(done: int) -> None:
        emit(Progress(step="scan", item="wheels", done=done, total=len(planned), unit="wheels"))

    new = []
    done = 0
    with ThreadPoolExecutor(READERS) as threads:
        pending = {threads.submit(_recall, item, wheelhouse): item for item in planned}
        for future in as_completed(pending):
            intact, facts = future.result()
            if intact and facts is None:
                new.append(pending[future])
                continue
            tell(done := done + 1)
            if facts is not None:
                yield pending[future].name, facts
    if not new:
        return
    tell(done)
    new.sort(key=lambda item: item.size, reverse=True)

    def read(some: Sequence[PlannedDistribution]) -> list[tuple[str, object]]:
        return [(item.name, encode(facts)) for item in some if (facts := _read(item, wheelhouse)) is not None]

    weights = [item.size + OVERHEAD for item in new]
    total = sum(weights)
    shares = share(
        read,
        new,
        weights,
        WORTH_A_PROCESS,
        lambda begun: tell(done + len(new) * begun // total),
        threads=READERS,
    )
    for name, found in (answer for some in shares for answer in some):
        yield name, decode(WheelFacts, found, name)


def _recall(item: PlannedDistribution, wheelhouse: Wheelhouse) -> tuple[bool, WheelFacts | None]:
    """Say whether a wheel is there and intact, and what is remembered of it."""
    if not wheelhouse.holds(item.filename, item.sha256):
        return False, None
    return True, current_facts(wheelhouse.path(item.filename), item.sha256)


def _read(item: PlannedDistribution, wheelhouse: Wheelhouse) -> WheelFacts | None:
    with suppress(UnsafeWheel, OSError):
        return known_facts(wheelhouse.path(item.filename), item.sha256)
    return None
