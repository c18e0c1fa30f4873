"""Apple's GPUs: whether this Mac and this interpreter can use them from torch, and how to prove that they do."""

from __future__ import annotations

from collections.abc import Iterator

from lockhouse.accelerators import Accelerator
from lockhouse.hookspecs import hookimpl
from lockhouse_metal.accelerator import MetalAccelerator

__all__ = ["lockhouse_accelerators"]


@hookimpl
def lockhouse_accelerators() -> Iterator[Accelerator]:
    """Give the GPUs of Macs."""
    yield MetalAccelerator()
