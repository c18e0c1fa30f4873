"""Values on disk."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lockhouse.errors import StorageError
from lockhouse.findings import ScanReport
from lockhouse.state import State, move, storage_errors, sweep, write_atomically

REPORT = ScanReport(plan="p", rules=("tags",), wheels=3, findings=())


def test_value_survives_the_process(tmp_path: Path) -> None:
    State(tmp_path).write(REPORT)
    assert State(tmp_path).read(ScanReport) == REPORT


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", "null", "[" * 100_000, '{"schema": "lockhouse.scan/2"}', '{"schema": "lockhouse.scan/1"}'],
    ids=["empty", "begun", "list", "null", "nested", "later", "bare"],
)
def test_damaged_value_counts_as_absent(tmp_path: Path, damage: str) -> None:
    state = State(tmp_path)
    state.write(REPORT)
    state.path(ScanReport).write_text(damage)
    assert State(tmp_path).read(ScanReport) is None


def test_written_value_names_its_schema(tmp_path: Path) -> None:
    State(tmp_path).write(REPORT)
    assert json.loads((tmp_path / "scan.json").read_text())["schema"] == "lockhouse.scan/1"


def test_forgotten_value_is_gone(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.write(REPORT)
    state.forget(ScanReport)
    assert state.read(ScanReport) is None
    assert not list(tmp_path.iterdir())


def test_value_that_somebody_else_wrote_is_seen_after_a_refresh(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.write(REPORT)
    later = replace(REPORT, wheels=4)
    State(tmp_path).write(later)
    state.refresh()
    assert state.read(ScanReport) == later


def test_write_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "deep" / "file", b"1")
    write_atomically(tmp_path / "deep" / "file", b"2")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["file"]
    assert (tmp_path / "deep" / "file").read_bytes() == b"2"


def test_sweep_removes_what_killed_writes_left_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".lockhouse-writing-plan.json.12-34").write_text("{")
    (tmp_path / "plan.json").write_text("{}")
    (tmp_path / ".other").write_text("")
    sweep(tmp_path, tmp_path / "absent")
    assert {path.name for path in tmp_path.iterdir()} == {"plan.json", ".other"}


def test_failed_write_names_the_place_and_leaves_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(StorageError, match="file"):
        write_atomically(tmp_path / "file", b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises(StorageError):
        write_atomically(tmp_path / "file" / "x" / ("y" * 300), b"1")


def test_windows_is_asked_again_while_somebody_holds_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new").write_text("new")
    refusals = [PermissionError(13, "held by a scanner")] * 3
    replace_for_real = os.replace

    def refusing(source: Path, target: Path) -> None:
        if refusals:
            raise refusals.pop()
        replace_for_real(source, target)

    monkeypatch.setattr(os, "replace", refusing)
    with pytest.raises(PermissionError):
        move(tmp_path / "new", tmp_path / "old")
    assert len(refusals) == 2  # elsewhere a refusal is one for good
    monkeypatch.setattr(sys, "platform", "win32")
    move(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_text() == "new"


def test_folders_are_renamed_without_being_told_to_replace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which Windows does not do for folders (MoveFileEx, MOVEFILE_REPLACE_EXISTING)."""
    (tmp_path / "new").mkdir()

    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "one of them is a folder")

    monkeypatch.setattr(os, "replace", refuse)
    move(tmp_path / "new", tmp_path / "old")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_a_path_that_windows_may_find_too_long_comes_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    def hints(path: str) -> list[str]:
        with pytest.raises(StorageError) as caught, storage_errors(Path(path)):
            raise FileNotFoundError(2, "The system cannot find the path specified", path)
        return [hint.code for hint in caught.value.hints]

    assert hints("C:/" + "deep/" * 60) == []
    monkeypatch.setattr(sys, "platform", "win32")
    assert hints("C:/" + "deep/" * 60) == ["long-paths"]
    assert hints("C:/short") == []
