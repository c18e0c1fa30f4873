"""What was measured, as values and as JSON. Everything that is printed or drawn is made from these."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.spread import spread_of

__all__ = ["Measured", "Point", "Results", "Series", "dump", "load"]

SCHEMA = "lockhouse.benchmarks/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A contender's runs, in order: seconds of the whole, of its cores, of phases and parts, bytes at most held."""

    name: str
    commands: tuple[str, ...]
    seconds: tuple[float, ...]
    cpu: tuple[float, ...]
    peak: tuple[int, ...]
    phases: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    parts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A case; its first series is what the others are compared with."""

    name: str
    title: str
    series: tuple[Series, ...]

    def of(self, name: str) -> Series | None:
        """The series of a contender, if it took part."""
        return next((series for series in self.series if series.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A wheelhouse of the scaling series and what was measured with it."""

    wheels: int
    files: int
    cases: tuple[Measured, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A run of the benchmarks. Sizes are in bytes; ``rounds`` are those that count."""

    taken: str
    machine: Mapping[str, str]
    rounds: int
    wheels: int
    files: int
    packed: int
    unpacked: int
    cases: tuple[Measured, ...]
    scaling: tuple[Point, ...] = ()

    def case(self, name: str) -> Measured | None:
        """A case by name, if it was measured."""
        return next((case for case in self.cases if case.name == name), None)


def dump(results: Results) -> str:
    """Write results as JSON, with the numbers that follow from the samples beside them."""
    document = {"schema": SCHEMA, **asdict(results)}
    for case in [*document["cases"], *(case for point in document["scaling"] for case in point["cases"])]:
        against = spread_of(case["series"][0]["seconds"]).median
        for series in case["series"]:
            spread = spread_of(series["seconds"])
            series["summary"] = {**asdict(spread), "ratio": spread.median / against}
    return json.dumps(_rounded(document), indent=1) + "\n"


def load(text: str) -> Results:
    """Read what ``dump`` wrote; ValueError for anything else."""
    document = json.loads(text)
    if not isinstance(document, dict) or document.pop("schema", None) != SCHEMA:
        raise ValueError(f"this is no {SCHEMA}")
    points = tuple(Point(**point | {"cases": _cases(point["cases"])}) for point in document.pop("scaling"))
    return Results(**document | {"cases": _cases(document["cases"]), "scaling": points})


def _cases(found: list[dict[str, Any]]) -> tuple[Measured, ...]:
    return tuple(Measured(**case | {"series": tuple(map(_series, case["series"]))}) for case in found)


def _series(found: dict[str, Any]) -> Series:
    plain = {key: value for key, value in found.items() if key != "summary"}
    lists = {key: tuple(plain[key]) for key in ("commands", "seconds", "cpu", "peak")}
    maps = {key: {name: tuple(values) for name, values in plain[key].items()} for key in ("phases", "parts")}
    return Series(**plain | lists | maps)


def _rounded(value: Any) -> Any:
    """Drop digits that mean nothing: a tenth of a millisecond is far below what two runs differ by."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
