"""Where results go: the report that is printed, and the page, the charts and the JSON in docs/."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.chart import Bar, Group, draw
from benchmarks.goals import goals_table
from benchmarks.results import Point, Results, dump
from benchmarks.spread import spread_of
from benchmarks.tables import cases_table, machine_table, phases_table, scaling_table, seconds

__all__ = ["chart_of", "publish", "report", "scaling_chart_of", "with_sections"]

SECTION = re.compile(r"(<!-- (\w+): python -m benchmarks -->\n).*?(<!-- end -->)", re.DOTALL)


def report(results: Results) -> str:
    """Put all tables one after the other."""
    return "\n".join(_sections(results).values())


def publish(results: Results, docs: Path) -> None:
    """Write results, charts and the tables of the page; what else the page says is left as it is."""
    page = docs / "benchmarks.md"
    written = {
        docs / "benchmarks.json": dump(results),
        docs / "benchmarks.svg": chart_of(results),
        page: with_sections(page.read_text(encoding="utf-8"), results),
    }
    if results.scaling:
        written[docs / "scaling.svg"] = scaling_chart_of(results)
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")


def with_sections(page: str, results: Results) -> str:
    """Replace what stands between the marks of a page by the tables that they name."""
    sections = _sections(results)
    return SECTION.sub(lambda match: f"{match[1]}{sections.get(match[2], '')}{match[3]}", page)


def chart_of(results: Results) -> str:
    """Draw medians of every case, with whiskers from the least to the most."""
    groups = []
    for case in results.cases:
        bars = []
        for series in case.series:
            spread = spread_of(series.seconds)
            bars.append(
                Bar(
                    label=series.name,
                    value=spread.median,
                    least=spread.least,
                    most=spread.most,
                    text=f"{seconds(spread.median)} s",
                    own=series.name.startswith("lockhouse"),
                )
            )
        groups.append(Group(title=f"{case.name}: {case.title}", bars=tuple(bars)))
    note = (
        f"{results.wheels} wheels, {results.files:,} files, {results.unpacked / 1e9:.1f} GB unpacked; "
        f"median of {results.rounds} alternating runs, whiskers from least to most, logarithmic scale"
    )
    return draw("Seconds for the same work", note, groups)


def scaling_chart_of(results: Results) -> str:
    """Draw seconds for ten thousand files: where cost is linear in files, bars are equally long."""
    groups = [
        Group(title=name, bars=tuple(_scaled(point, name) for point in results.scaling))
        for name in dict.fromkeys(case.name for point in results.scaling for case in point.cases)
    ]
    return draw(
        "Lockhouse: seconds for ten thousand files",
        "made-up wheels of 2 KB files; equally long bars mean linear cost; logarithmic scale",
        groups,
    )


def _scaled(point: Point, name: str) -> Bar:
    case = next(case for case in point.cases if case.name == name)
    series = case.of("lockhouse")
    assert series is not None
    spread = spread_of([value * 10_000 / point.files for value in series.seconds])
    return Bar(
        label=f"{point.files:,} in {point.wheels:,}",
        value=spread.median,
        least=spread.least,
        most=spread.most,
        text=f"{seconds(spread.median)} s",
        own=True,
    )


def _sections(results: Results) -> dict[str, str]:
    sections = {
        "machine": machine_table(results),
        "goals": goals_table(results),
        "cases": cases_table(results),
        "phases": phases_table(results),
    }
    if results.scaling:
        sections["scaling"] = scaling_table(results.scaling)
    return sections
