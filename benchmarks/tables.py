"""Results as tables in Markdown: what is printed, and what docs/benchmarks.md shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.results import Measured, Point, Results, Series
from benchmarks.spread import spread_of

__all__ = ["cases_table", "machine_table", "phases_table", "scaling_table", "seconds"]


def seconds(value: float) -> str:
    """Write seconds with three digits that count, and never more than milliseconds."""
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def machine_table(results: Results) -> str:
    """Say what was measured on."""
    wheels = (
        f"{results.wheels} wheels, {results.files:,} files, {results.packed / 1e6:,.0f} MB, "
        f"unpacked {results.unpacked / 1e6:,.0f} MB"
    )
    rows = [*results.machine.items(), ("wheelhouse", wheels), ("rounds", f"{results.rounds}, and one to warm up")]
    return _table(("", ""), [*rows, ("taken", results.taken)])


def cases_table(results: Results) -> str:
    """Show median, least and quartiles in seconds, ratio to the first of each case, work of cores, memory in MB."""
    rows: list[tuple[str, ...]] = []
    for case in results.cases:
        rows += _case_rows(case)
    header = ("work", "by", "median s", "min", "quartiles", "ratio", "difference s", "CPU s", "peak MB")
    return _table(header, rows, numbers_from=2)


def phases_table(results: Results) -> str:
    """Show where lockhouse spends its time: medians of its phases in seconds, and what no phase accounts for."""
    own = [(case, case.of("lockhouse")) for case in results.cases]
    found = [(case, item) for case, item in own if item and "verify" in item.phases]
    names = dict.fromkeys(name for _, item in found for name in item.phases)
    rows: list[tuple[str, ...]] = [(name, *(_phase(item, name) for _, item in found)) for name in names]
    rows.append(("around them", *(_around(item) for _, item in found)))
    rows.append(("**whole command**", *(seconds(spread_of(item.seconds).median) for _, item in found)))
    return _table(("phase", *(case.name for case, _ in found)), rows, numbers_from=1)


def scaling_table(points: Sequence[Point]) -> str:
    """Show medians in seconds for each wheelhouse, and in parentheses seconds for ten thousand files."""
    columns = [(case.name, series.name) for case in points[0].cases for series in case.series] if points else []
    header = ("wheels", "files", *(f"{case}, {name}" for case, name in columns), "peak MB, lockhouse")
    rows = []
    for point in points:
        cells = [f"{point.wheels:,}", f"{point.files:,}"]
        for case in point.cases:
            for series in case.series:
                median = spread_of(series.seconds).median
                cells.append(f"{seconds(median)} ({seconds(median * 10_000 / point.files)})")
        held = [max(own.peak) for case in point.cases if (own := case.of("lockhouse"))]
        rows.append((*cells, f"{max(held, default=0) / 1e6:.0f}"))
    return _table(header, rows, numbers_from=0)


def _case_rows(case: Measured) -> Iterator[tuple[str, ...]]:
    against = spread_of(case.series[0].seconds).median
    title = f"**{case.name}**: {case.title}"
    for series in case.series:
        yield (title, series.name, *_numbers(series.seconds, against), *_costs(series))
        for name, values in series.parts.items():
            yield ("", f"… {name}", *_numbers(values, against), "", "")
        title = ""


def _numbers(values: Sequence[float], against: float) -> tuple[str, ...]:
    spread = spread_of(values)
    quartiles = f"{seconds(spread.lower)} – {seconds(spread.upper)}"  # noqa: RUF001
    ratio = f"{spread.median / against:.2f}"
    return seconds(spread.median), seconds(spread.least), quartiles, ratio, f"{spread.median - against:+.3f}"


def _costs(series: Series) -> tuple[str, ...]:
    return seconds(spread_of(series.cpu).median), f"{max(series.peak) / 1e6:.0f}"


def _phase(series: Series, name: str) -> str:
    return seconds(spread_of(series.phases[name]).median) if name in series.phases else ""


def _around(series: Series) -> str:
    rest = [whole - sum(phase[i] for phase in series.phases.values()) for i, whole in enumerate(series.seconds)]
    return seconds(spread_of(rest).median)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers_from: int = 99) -> str:
    rule = ["---:" if column >= numbers_from else "---" for column in range(len(header))]
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, rule, *rows))
