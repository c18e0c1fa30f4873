"""AMD GPUs: what the kernel and the ROCm tools tell of them, which builds they run, and how to prove that they do."""

from __future__ import annotations

from collections.abc import Iterator

from lockhouse.accelerators import Accelerator
from lockhouse.hookspecs import hookimpl
from lockhouse_rocm.accelerator import RocmAccelerator

__all__ = ["lockhouse_accelerators"]


@hookimpl
def lockhouse_accelerators() -> Iterator[Accelerator]:
    """Give AMD GPUs."""
    yield RocmAccelerator()
