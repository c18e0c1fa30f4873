"""Opening a project."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lockhouse.errors import UsageError
from lockhouse.events import discard
from lockhouse.opening import open_context
from lockhouse.plan import Selection
from lockhouse.steps import Options


def open_with(root: Path, accelerator: str | None = None, name: str = "demo") -> str | None:
    path = root / "manifests" / "demo.json"
    path.parent.mkdir(exist_ok=True)
    stages = [{"name": "base", "requirements": ["alpha"]}]
    path.write_text(json.dumps({"name": name, "python": {"version": "3.11"}, "stages": stages}), encoding="utf-8")
    options = Options(selection=Selection(accelerator=accelerator))
    return open_context(root, None, options, discard).options.selection.accelerator


def test_accelerator_comes_from_the_environment_unless_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKHOUSE_ACCELERATOR", "cuda")
    assert open_with(tmp_path) == "cuda"
    assert open_with(tmp_path, "none") == "none"
    monkeypatch.setenv("LOCKHOUSE_ACCELERATOR", "")
    assert open_with(tmp_path) is None


def test_nothing_that_is_kept_beside_manifests_has_a_name_that_a_manifest_could_have(tmp_path: Path) -> None:
    (tmp_path / ".lockhouse").mkdir()
    open_with(tmp_path)
    assert [path.name for path in (tmp_path / ".lockhouse").iterdir()] == [".judged"]


@pytest.mark.skipif(sys.platform == "win32", reason="folders are parted by backslashes there")
@pytest.mark.parametrize("name", ["x\ny", "a:b", "a \\x", "\\N", "\udc80"])
def test_a_folder_where_no_environment_could_run_is_refused_before_anything_is_done(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    with pytest.raises(UsageError, match="no environment can stand in this folder"):
        open_with(root)
    assert not list(root.glob(".lockhouse/*/*"))


@pytest.mark.skipif(sys.platform == "win32", reason="folders are parted by backslashes there")
@pytest.mark.parametrize("name", ["a \\b", "ü", "it's", "a b"])
def test_odd_folders_that_do(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert open_with(tmp_path / name) is None


def test_an_upgrade_cannot_be_locked() -> None:
    with pytest.raises(UsageError, match="upgrade cannot be locked"):
        Options(locked=True, upgrade=())
