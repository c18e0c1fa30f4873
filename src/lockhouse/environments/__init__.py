"""Environments: providers that make them, generations that hold them, and the pointer that people use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from lockhouse.host import Interpreter

__all__ = ["EnvironmentProvider", "Scheme"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """Where the parts of a wheel go in one environment (the keys of the wheel standard); absolute paths.

    ``python`` is the environment's interpreter.
    """

    python: Path
    purelib: Path
    platlib: Path
    scripts: Path
    data: Path
    headers: Path


@runtime_checkable
class EnvironmentProvider(Protocol):
    """Makes environments; chosen by ``python.provider`` of the manifest."""

    @property
    def name(self) -> str:
        """What the manifest calls it."""

    def create(self, path: Path, interpreter: Interpreter) -> None:
        """Make an environment with no distribution in it at ``path``, an existing folder, its final place."""

    def scheme(self, path: Path, interpreter: Interpreter) -> Scheme:
        """Say where things are in the environment at ``path``."""
