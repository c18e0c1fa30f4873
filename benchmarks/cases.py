"""The pieces of work that are compared, and who does them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import Contender, Sample
from benchmarks.tools import Lockhouse, Pip, Sha256sum, Uv
from benchmarks.wheelhouses import Wheels

__all__ = ["SCALED", "Case", "Part", "cases_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A share of lockhouse's time, in seconds, that is shown by itself."""

    name: str
    seconds: Callable[[Sample], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A piece of work. The first contender is the one that the others are compared with."""

    name: str
    title: str
    contenders: tuple[Contender, ...]
    parts: tuple[Part, ...] = ()


SCALED = ("cold", "warm", "nothing")
"""Names of the cases that the scaling series is made of."""


def cases_of(wheels: Wheels, scratch: Path, python: str, *, pip: bool) -> tuple[Lockhouse, Mapping[str, Case]]:
    """Give lockhouse, which has to begin before any case is measured, and the cases by name."""
    uv = Uv(scratch=scratch, wheels=wheels, python=python)
    lockhouse = Lockhouse(scratch=scratch, wheels=wheels, python=python)
    slow = Pip(scratch=scratch, wheels=wheels, python=python)
    pips = (slow.build(compiling=True), slow.build(compiling=False)) if pip else ()
    sums = Sha256sum(scratch=scratch, environment=lockhouse.environment)
    built = (
        Part(name="without verify", seconds=lambda sample: sample.seconds - sample.phases["verify"]),
        Part(name="install alone", seconds=_linking),
    )
    proof = Part(name="the proof alone", seconds=lambda sample: sample.phases["create"])
    everything = (
        Case(
            name="cold",
            title="build, nothing unpacked yet",
            contenders=(uv.cold(), lockhouse.cold(), *pips),
            parts=built,
        ),
        Case(
            name="first",
            title="the same in a fresh checkout: look at the machine, hash and scan the wheels as well",
            contenders=(uv.cold(), lockhouse.first()),
            parts=built,
        ),
        Case(name="warm", title="build, all unpacked", contenders=(uv.warm(), lockhouse.warm()), parts=built),
        Case(
            name="rebuild",
            title="remove the environment and build it again",
            contenders=(uv.rebuild(), lockhouse.rebuild()),
            parts=built,
        ),
        Case(name="nothing", title="nothing to do", contenders=(uv.nothing(), lockhouse.nothing()), parts=(proof,)),
        Case(name="deep", title="hash every file", contenders=(sums.deep(), lockhouse.deep())),
    )
    return lockhouse, {case.name: case for case in everything}


def _linking(sample: Sample) -> float:
    return sum(seconds for name, seconds in sample.phases.items() if name.startswith("install:"))
