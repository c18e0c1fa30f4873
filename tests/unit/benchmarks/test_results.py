from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.goals import verdicts
from benchmarks.results import Measured, Point, Results, Series, dump, load
from benchmarks.tables import cases_table, machine_table, phases_table, scaling_table, seconds


def series(name: str, *taken: float, **fields: object) -> Series:
    known = {
        "commands": (f"{name} install",),
        "cpu": tuple(2 * x for x in taken),
        "peak": tuple(50_000_000 for _ in taken),
    }
    return replace(Series(name=name, seconds=taken, **known), **fields)  # type: ignore[arg-type]


def measured(name: str, *taken: Series) -> Measured:
    return Measured(name=name, title=f"title of {name}", series=taken)


def results(*cases: Measured, scaling: tuple[Point, ...] = ()) -> Results:
    return Results(
        taken="2026-11-22",
        machine={"cores": "2", "file system": "ext4"},
        rounds=3,
        wheels=54,
        files=24_500,
        packed=322_000_000,
        unpacked=1_200_000_000,
        cases=cases,
        scaling=scaling,
    )


OWN = series(
    "lockhouse",
    0.5,
    0.7,
    0.6,
    phases={"create": (0.1, 0.1, 0.1), "install:all": (0.2, 0.2, 0.2), "verify": (0.1, 0.3, 0.2)},
    parts={"without verify": (0.4, 0.4, 0.4), "install alone": (0.2, 0.2, 0.2), "the proof alone": (0.1, 0.1, 0.1)},
)
UV = series("uv", 0.3, 0.2, 0.4, phases={"uv venv": (0.1, 0.1, 0.1), "uv pip install": (0.2, 0.1, 0.3)})


def test_results_come_back_from_json_as_they_were() -> None:
    point = Point(wheels=10, files=10_000, cases=(measured("warm", UV, OWN),))
    original = results(measured("cold", UV, OWN), scaling=(point,))

    assert load(dump(original)) == original


def test_json_says_median_spread_and_ratio_beside_every_sample() -> None:
    own = json.loads(dump(results(measured("cold", UV, OWN))))["cases"][0]["series"][1]

    assert own["seconds"] == [0.5, 0.7, 0.6]
    assert own["summary"] == {"least": 0.5, "lower": 0.55, "median": 0.6, "upper": 0.65, "most": 0.7, "ratio": 2.0}


@pytest.mark.parametrize("text", ["[]", "{}", '{"schema": "lockhouse.benchmarks/2"}', "nonsense"])
def test_other_documents_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        load(text)


def test_case_table_compares_with_the_first() -> None:
    lines = cases_table(results(measured("warm", UV, OWN))).splitlines()

    assert lines[2] == "| **warm**: title of warm | uv | 0.300 | 0.200 | 0.250 – 0.350 | 1.00 | +0.000 | 0.600 | 50 |"  # noqa: RUF001
    assert lines[3] == "|  | lockhouse | 0.600 | 0.500 | 0.550 – 0.650 | 2.00 | +0.300 | 1.20 | 50 |"  # noqa: RUF001
    assert lines[4] == "|  | … without verify | 0.400 | 0.400 | 0.400 – 0.400 | 1.33 | +0.100 |  |  |"  # noqa: RUF001


def test_phase_table_accounts_for_the_whole_command() -> None:
    rows = phases_table(results(measured("warm", UV, OWN))).splitlines()[2:]

    cells = {row.split("|")[1].strip(): row.split("|")[2].strip() for row in rows}
    assert cells == {
        "create": "0.100",
        "install:all": "0.200",
        "verify": "0.200",
        "around them": "0.100",
        "**whole command**": "0.600",
    }


def test_scaling_table_says_what_ten_thousand_files_cost() -> None:
    point = Point(wheels=1_000, files=200_000, cases=(measured("cold", UV, OWN),))

    assert scaling_table((point,)).splitlines()[2] == "| 1,000 | 200,000 | 0.300 (0.015) | 0.600 (0.030) | 50 |"


def test_machine_table_says_what_and_on_what() -> None:
    table = machine_table(results())

    assert "| cores | 2 |" in table
    assert "54 wheels, 24,500 files, 322 MB, unpacked 1,200 MB" in table


@pytest.mark.parametrize(("value", "text"), [(0.01234, "0.012"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123.4")])
def test_seconds_have_the_digits_that_count(value: float, text: str) -> None:
    assert seconds(value) == text


def judged(*cases: Measured, scaling: tuple[Point, ...] = ()) -> dict[str, tuple[str, bool]]:
    return {item.work: (item.found, item.reached) for item in verdicts(results(*cases, scaling=scaling))}


def test_goals_are_judged_by_medians() -> None:
    pip = series("pip", 20.0, 22.0, 30.0)
    quick = series("sha256sum", 0.5, 0.5, 0.5)

    found = judged(
        measured("cold", UV, OWN, pip),
        measured("warm", UV, OWN),
        measured("nothing", UV, OWN),
        measured("deep", quick, series("lockhouse", 0.6, 0.6, 0.6)),
    )

    assert found == {
        "cold build, RECORD verified, against uv, which verifies nothing": ("2.00", False),
        "warm build without its checks, against uv": ("0.10", True),
        "installing alone, against `uv pip install`": ("1.00", True),
        "nothing to do, proven: whole command": ("0.60", False),
        "nothing to do, proven: the proof alone": ("0.10", False),
        "`verify --deep`, against `sha256sum` on all cores": ("1.20", True),
        "cold build, times faster than pip": ("36.7", True),
        "warm build without its checks, times faster than pip": ("55.0", True),
        "peak memory of any of these": ("50 MB", True),
    }


def test_goals_that_were_not_measured_are_not_judged() -> None:
    assert list(judged(measured("deep", UV))) == []


@pytest.mark.parametrize(("power", "linear"), [(1.0, True), (1.3, False)])
def test_growth_is_judged_over_wheelhouses_with_as_many_wheels(power: float, linear: bool) -> None:
    points = tuple(
        Point(wheels=wheels, files=files, cases=(measured("cold", UV, series("lockhouse", 1e-4 * files**power)),))
        for wheels, files in ((10, 10_000), (100, 10_000), (100, 100_000), (100, 200_000))
    )

    assert judged(scaling=points)["growth with files, cold"] == (f"{power:.2f}", linear)
