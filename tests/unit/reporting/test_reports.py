from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.errors import StorageError, UsageError
from lockhouse.events import Message
from lockhouse.reporting import Reports


@pytest.fixture
def case(tmp_path: Path) -> Case:
    case = Case(tmp_path, [WheelSpec("a")], {"base": ["a"]})
    case.context.project.manifest.parent.mkdir()
    case.context.project.manifest.write_text("{}")
    case.context.state.write(case.plan)
    case.context.state.write(case.judge(with_wheels=False))
    return case


def test_both_files_are_written_and_named(case: Case) -> None:
    reports = Reports(sarif=case.root / "out.sarif", graph=case.root / "out.svg")
    reports.check()
    reports.write(case.context)
    assert json.loads((case.root / "out.sarif").read_text())["version"] == "2.1.0"
    assert (case.root / "out.svg").read_text(encoding="utf-8").startswith("<svg ")
    told = [event.text for event in case.events if isinstance(event, Message)]
    assert told == [f"written: {case.root / 'out.sarif'}", f"written: {case.root / 'out.svg'}"]


def test_the_same_report_gives_the_same_bytes(case: Case) -> None:
    for name in ("one", "two"):
        Reports(sarif=case.root / f"{name}.sarif", graph=case.root / f"{name}.svg").write(case.context)
    for suffix in ("sarif", "svg"):
        assert (case.root / f"one.{suffix}").read_bytes() == (case.root / f"two.{suffix}").read_bytes()


@pytest.mark.parametrize(
    ("reports", "told"),
    [
        (Reports(sarif=Path("no/such/folder/out.sarif")), "no folder"),
        (Reports(sarif=Path()), "folder"),
        (Reports(graph=Path("out.png")), "is SVG"),
    ],
)
def test_what_cannot_come_to_stand_is_refused_before_anything_is_done(reports: Reports, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        reports.check()
    assert told in (caught.value.cause or "")


def test_a_file_that_cannot_be_written_is_an_error_but_never_covers_another(case: Case) -> None:
    (case.root / "gone").mkdir()
    reports = Reports(sarif=case.root / "gone" / "out.sarif")
    reports.check()
    (case.root / "gone").rmdir()
    (case.root / "gone").write_text("")
    with pytest.raises(StorageError):
        reports.write(case.context)
    reports.write_anyway(case.context)
    assert [event.level for event in case.events if isinstance(event, Message)] == ["warning"]


def test_without_a_scan_nothing_is_written(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a")], {"base": ["a"]})
    Reports(sarif=tmp_path / "out.sarif").write(case.context)
    assert not (tmp_path / "out.sarif").exists()
