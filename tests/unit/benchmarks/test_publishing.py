"""What docs/ shows is what docs/benchmarks.json holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.publishing import chart_of, scaling_chart_of, with_sections
from benchmarks.results import Results, load

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def results() -> Results:
    return load((DOCS / "benchmarks.json").read_text(encoding="utf-8"))


def test_tables_of_the_page_are_made_from_the_results(results: Results) -> None:
    page = (DOCS / "benchmarks.md").read_text(encoding="utf-8")

    assert with_sections(page, results) == page, "run python -m benchmarks --render"
    assert "<!-- goals: python -m benchmarks -->\n|" in page


def test_charts_are_made_from_the_results(results: Results) -> None:
    assert chart_of(results) == (DOCS / "benchmarks.svg").read_text(encoding="utf-8")
    if results.scaling:
        assert scaling_chart_of(results) == (DOCS / "scaling.svg").read_text(encoding="utf-8")


def test_results_name_no_place_on_the_machine(results: Results) -> None:
    commands = [command for case in results.cases for series in case.series for command in series.commands]

    assert commands
    assert not [word for command in commands for word in command.split() if word.startswith("/")]


def test_only_what_stands_between_marks_is_replaced(results: Results) -> None:
    page = "before\n<!-- machine: python -m benchmarks -->\nold\n<!-- end -->\nafter\n"

    replaced = with_sections(page, results)

    assert replaced.startswith("before\n<!-- machine: python -m benchmarks -->\n|")
    assert replaced.endswith("|\n<!-- end -->\nafter\n")
    assert "old" not in replaced
