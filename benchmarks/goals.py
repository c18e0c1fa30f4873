"""The figures that lockhouse is meant to reach, and whether a run reached them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.results import Results
from benchmarks.scanning import KNOWN, UNKNOWN, WHEELS
from benchmarks.spread import growth, spread_of

__all__ = ["Verdict", "goals_table", "verdicts"]

MEMORY = 200e6
LINEAR = 1.1
"""Power of growth that still counts as linear: runs on a machine that does other things as well differ by as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A goal, the figure that was found, and whether it is good enough."""

    work: str
    goal: str
    found: str
    reached: bool


def goals_table(results: Results) -> str:
    """Show every goal that this run can judge."""
    rows = [
        f"| {item.work} | {item.goal} | {item.found} | {'yes' if item.reached else '**no**'} |"
        for item in verdicts(results)
    ]
    return "\n".join(["| work | goal | found | reached |", "| --- | --- | --- | --- |", *rows, ""])


def verdicts(results: Results) -> Iterator[Verdict]:
    """Judge what was measured; what was not is left out."""
    cold, warm, nothing, deep = (_Figures.of(results, name) for name in ("cold", "warm", "nothing", "deep"))
    rebuild = _Figures.of(results, "rebuild")
    if cold:
        yield _at_most("cold build, RECORD verified, against uv, which verifies nothing", "ratio", cold.ratio, 1.0)
    for figures, work in ((warm, "warm build"), (rebuild, "removing and building again")):
        if figures:
            difference = figures.part("without verify") - figures.against
            yield _at_most(f"{work} without its checks, against uv", "difference, s", difference, 0.25)
    if warm:
        linking = warm.part("install alone") / warm.phase_of_first("uv pip install")
        yield _at_most("installing alone, against `uv pip install`", "ratio", linking, 1.0)
    if nothing:
        yield _at_most("nothing to do, proven: whole command", "s", nothing.own, 0.25)
        yield _at_most("nothing to do, proven: the proof alone", "s", nothing.part("the proof alone"), 0.08)
    if deep:
        yield _at_most("`verify --deep`, against `sha256sum` on all cores", "ratio", deep.ratio, 1.3)
    pip = _median(results, "cold", "pip")
    if pip and cold:
        yield _at_least("cold build, times faster than pip", pip / cold.own, 8)
    if pip and warm:
        yield _at_least("warm build without its checks, times faster than pip", pip / warm.part("without verify"), 40)
    for case in results.cases:
        fetched, first = case.of("lockhouse download"), case.series[0]
        if fetched:
            ratio = spread_of(fetched.seconds).median / spread_of(first.seconds).median
            yield _at_most(f"{case.name}, against uv, which unpacks as well", "ratio", ratio, 1.0)
    known, new = _median(results, "scan", KNOWN), _median(results, "scan", UNKNOWN)
    if known and new:
        yield _at_most(f"scan of {WHEELS} wheels, facts remembered: whole command", "s", known, 1.0)
        yield _at_most("the same for the first time: more for each wheel", "ms", (new - known) / WHEELS * 1000, 15)
    own = [series for case in results.cases for series in case.series if series.name.startswith("lockhouse")]
    peaks = [max(series.peak) for series in own]
    if peaks:
        yield Verdict(
            work="peak memory of any of these",
            goal=f"≤ {MEMORY / 1e6:.0f} MB",
            found=f"{max(peaks) / 1e6:.0f} MB",
            reached=max(peaks) <= MEMORY,
        )
    yield from _scaling(results)


def _scaling(results: Results) -> Iterator[Verdict]:
    """Growth with the number of files, at the same number of wheels."""
    points = [point for point in results.scaling if point.wheels == 100]
    if len({point.files for point in points}) < 2:
        return
    for name in dict.fromkeys(case.name for point in points for case in point.cases):
        series = [case.of("lockhouse") for point in points for case in point.cases if case.name == name]
        medians = [spread_of(item.seconds).median for item in series if item]
        power = growth([point.files for point in points], medians)
        yield _at_most(f"growth with files, {name}", "power", power, LINEAR)


@dataclass(frozen=True, slots=True)
class _Figures:
    """Medians of a case in seconds: lockhouse's own and those of whom it is compared with."""

    results: Results
    name: str
    own: float
    against: float

    @classmethod
    def of(cls, results: Results, name: str) -> _Figures | None:
        case = results.case(name)
        own = case.of("lockhouse") if case else None
        if case is None or own is None:
            return None
        return cls(results, name, spread_of(own.seconds).median, spread_of(case.series[0].seconds).median)

    @property
    def ratio(self) -> float:
        return self.own / self.against

    def part(self, name: str) -> float:
        case = self.results.case(self.name)
        series = case.of("lockhouse") if case else None
        assert series is not None
        return spread_of(series.parts[name]).median

    def phase_of_first(self, name: str) -> float:
        case = self.results.case(self.name)
        assert case is not None
        return spread_of(case.series[0].phases[name]).median


def _median(results: Results, case: str, name: str) -> float | None:
    measured = results.case(case)
    series = measured.of(name) if measured else None
    return spread_of(series.seconds).median if series else None


def _at_most(work: str, unit: str, found: float, limit: float) -> Verdict:
    return Verdict(work=work, goal=f"{unit} ≤ {limit:g}", found=f"{found:.2f}", reached=found <= limit)


def _at_least(work: str, found: float, limit: float) -> Verdict:
    return Verdict(work=work, goal=f"≥ {limit:g}", found=f"{found:.1f}", reached=found >= limit)
