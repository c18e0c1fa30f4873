"""Environments: providers that make them, generations that hold them, and the pointer that people use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lockhouse.host import Interpreter
from lockhouse.values import dataclass

if TYPE_CHECKING:
    from lockhouse.environments.generations import Generation
    from lockhouse.evidence import Drift
    from lockhouse.plan import Plan
    from lockhouse.steps import Context

__all__ = ["Deployment", "EnvironmentProvider", "Scheme", "Serving"]


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


class Serving(Protocol):
    """A generation where it serves, if that is not where it was built."""

    @property
    def root(self) -> Path:
        """The prefix of the environment there."""

    @property
    def scheme(self) -> Scheme:
        """Where things are there."""

    def drift(self, *, deep: bool) -> Drift:
        """Compare what came there with what was built; ``deep`` hashes every file."""

    def failures(self, *, deep: bool) -> tuple[str, ...]:
        """Say what else is not as it should be, for people."""


@runtime_checkable
class Deployment(Protocol):
    """What a provider can do besides, whose environments do not serve where they are built.

    A generation is then built and proven beside, as a rehearsal; taking it into use brings it to where it serves.
    """

    def serving(self, context: Context, generation: Generation) -> Serving | None:
        """Give the generation as it serves; None while it does not."""

    def deploy(self, context: Context, generation: Generation, plan: Plan) -> Generation:
        """Bring a proven generation to where it serves, and prove it there; after an error all is as before."""

    def withdraw(self, context: Context) -> int | None:
        """Take away what serves: all is as it was before the first. Return its number, None where nothing serves."""
