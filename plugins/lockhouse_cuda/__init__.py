"""NVIDIA GPUs: what the driver offers, which builds it runs, and how to prove that they do."""

from __future__ import annotations

from collections.abc import Iterator

from lockhouse.accelerators import Accelerator
from lockhouse.hookspecs import hookimpl
from lockhouse_cuda.accelerator import CudaAccelerator

__all__ = ["lockhouse_accelerators"]


@hookimpl
def lockhouse_accelerators() -> Iterator[Accelerator]:
    """Give NVIDIA GPUs."""
    yield CudaAccelerator()
