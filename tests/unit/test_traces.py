"""Traces of drivers: whatever changes, shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lockhouse import traces


def test_a_file_that_comes_changes_or_goes_shows(tmp_path: Path) -> None:
    path = tmp_path / "libcuda.so.1"
    seen = [traces.files([str(path)])]
    path.write_bytes(b"one")
    seen.append(traces.files([str(path)]))
    path.write_bytes(b"three")
    seen.append(traces.files([str(path)]))
    os.utime(path, ns=(0, 0))
    seen.append(traces.files([str(path)]))
    assert len(set(seen)) == 4
    path.unlink()
    assert traces.files([str(path)]) == seen[0] == ""


def test_libraries_are_looked_for_where_the_loader_looks_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libcuda.so.1").write_bytes(b"x")
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere{os.pathsep}{tmp_path}{os.pathsep}")
    assert str(tmp_path / "libcuda.so.1") in traces.libraries(["libcuda.so.1", "libother.so"])
    monkeypatch.delenv("LD_LIBRARY_PATH")
    assert traces.libraries(["libcuda.so.1"]) == ""


def test_content_names_and_programs_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "version").write_text("6.8.5\n", encoding="utf-8")
    (tmp_path / "renderD128").touch()
    assert traces.contents([str(tmp_path / "version"), str(tmp_path / "gone"), str(tmp_path)]) == (
        f"{tmp_path / 'version'}=6.8.5"
    )
    assert traces.listing(str(tmp_path), "renderD*") == "renderD128"
    assert traces.listing(str(tmp_path / "gone"), "*") == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert traces.programs(["rocminfo"]) == "no rocminfo"
