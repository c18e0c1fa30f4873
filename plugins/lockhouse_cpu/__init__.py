"""The CPU as an accelerator: always there, and the one that every manifest can fall back to."""

from __future__ import annotations

from collections.abc import Iterator

from lockhouse.accelerators import Accelerator
from lockhouse.hookspecs import hookimpl
from lockhouse_cpu.accelerator import CpuAccelerator

__all__ = ["lockhouse_accelerators"]


@hookimpl
def lockhouse_accelerators() -> Iterator[Accelerator]:
    """Give the CPU."""
    yield CpuAccelerator()
