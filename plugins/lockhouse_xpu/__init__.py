"""Intel GPUs: what Level Zero tells of them, which builds they run, and how to prove that they do."""

from __future__ import annotations

from collections.abc import Iterator

from lockhouse.accelerators import Accelerator
from lockhouse.hookspecs import hookimpl
from lockhouse_xpu.accelerator import XpuAccelerator

__all__ = ["lockhouse_accelerators"]


@hookimpl
def lockhouse_accelerators() -> Iterator[Accelerator]:
    """Give Intel GPUs."""
    yield XpuAccelerator()
