"""Places and manifests that nobody would make on purpose: a clear word each, and never a defect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.documents import valid
from fixtures.site import RELEASE
from lockhouse.cli import main
from lockhouse.manifestfile import load_manifest

Make = Callable[[Path], object]


def write(root: Path, **fields: Any) -> Path:
    stages = [{"name": "base", "requirements": ["alpha"]}]
    document = {"name": "demo", "python": {"version": RELEASE}, "stages": stages, **fields}
    path = root / "manifests" / "demo.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def outcome(root: Path, verb: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Status and what is told on standard error; the document is valid and says the same."""
    status = main(["-C", str(root), "--json", verb])
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    document = valid(json.loads(out))
    assert document["ok"] == (status == 0)
    return status, err


def file_at(*parts: str) -> Make:
    def make(root: Path) -> None:
        path = root.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("in the way")

    return make


def loop_at(name: str) -> Make:
    return lambda root: (root / name).symlink_to(name)


@pytest.mark.skipif(os.name == "nt", reason="links are made in another way there")
@pytest.mark.parametrize(
    ("make", "verb", "status", "words"),
    [
        (loop_at(".venv"), "verify", 2, "leads in a circle"),
        (loop_at(".venv"), "generations", 0, ""),
        (loop_at(".venv"), "clean", 0, ""),
        (loop_at(".venv"), "rollback", 2, "no other generation"),
        (loop_at(".lockhouse"), "verify", 2, ".lockhouse is no folder"),
        (file_at(".lockhouse"), "verify", 2, ".lockhouse is no folder"),
        (file_at(".lockhouse"), "generations", 2, "move .lockhouse away"),
        (file_at(".lockhouse", "demo"), "generations", 1, "Not a directory"),
        (file_at(".lockhouse", "demo", "generations"), "clean", 1, "Not a directory"),
        (file_at(".lockhouse", "demo"), "detect", 1, "cannot write"),
    ],
)
def test_what_is_in_the_way_is_named(
    make: Make, verb: str, status: int, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path)
    make(tmp_path)
    found, err = outcome(tmp_path, verb, capfd)
    assert found == status, err
    assert words in err


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "a" * 101}, "name: aaaaaaaaaaaaaaaaaaaa…: files are named for it, so 100 characters"),
        ({"name": "demo\n"}, "name: 'demo\\n' does not fit"),
        ({"stages": [{"name": "s" * 5000, "requirements": ["alpha"]}]}, "stages[0].name: ssss"),
        ({"variants": {"v" * 61: {}}}, "variants: vvvv"),
        ({"environment": {"keep": 2.5}}, "environment.keep: must be an integer"),
        ({"environment": {"keep": float("nan")}}, "environment.keep: must be a number that"),
        ({"checks": [{"name": "c", "run": "pass", "timeout": 10**400}]}, "checks[0].timeout: must be a number that"),
        ({"checks": [{"name": "c", "run": "pass", "timeout": float("inf")}]}, "checks[0].timeout: must be a number"),
        ({"environment": {"path": "~nobody-of-that-name/x"}}, "is no place on this machine"),
        ({"description": "\ud800"}, "description: '\\ud800' holds half a character"),
        ({"blacklist": [{"requirement": "x", "reason": "\udfff"}]}, "blacklist[0].reason: '\\udfff' holds half"),
        ({"build": {"x": {"env": {"\ud800": "1"}}}}, "holds half a character"),
        ({"checks": [{"name": "c", "run": "-" * 100_000 + "1"}]}, "checks[0].run: is nested too deeply"),
        ({"checks": [{"name": "c", "run": "x" + ".y" * 20_000}]}, "checks[0].run: is nested too deeply"),
        ({"protect": ["numpy", "!!"]}, "protect[1]: '!!' is no name of a distribution"),
        ({"build": {"": {}}}, "is no name of a distribution"),
        (
            {"variants": {"cpu": {"requirements": {"Alpha": "alpha==1", "alpha": "alpha==2"}}}},
            "variants.cpu.requirements.alpha: is the same distribution as 'Alpha'",
        ),
        ({"indexes": [{"name": "a", "url": "http://[::1"}]}, "indexes[0].url: names no host and port"),
        ({"indexes": [{"name": "a", "url": "http://x:99999/"}]}, "indexes[0].url: names no host and port"),
        ({"indexes": [{"name": "a", "url": "https://"}]}, "indexes[0].url: names no host and port"),
        ({"indexes": [{"name": "a", "url": "x", "mirrors": ["ftp://x/"]}]}, "indexes[0].mirrors[0]: an index is asked"),
        ({"indexes": [{"name": "a", "url": " http://x/"}]}, "indexes[0].url: ' http://x/' has white space"),
        ({"variants": {"cpu": {"index": "http://x:y/"}}}, "variants.cpu.index: names no host and port"),
    ],
)
def test_field_that_cannot_be_meant_is_a_fault_of_the_manifest(
    fields: dict[str, Any], words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, **fields)
    status, err = outcome(tmp_path, "generations", capfd)
    assert status == 2, err
    assert words in err
    assert len(err) < 400


def test_whole_number_may_be_written_with_a_point(tmp_path: Path) -> None:
    two = load_manifest(write(tmp_path, environment={"keep": 2.0}))
    assert two.environment.keep == 2
    assert isinstance(two.environment.keep, int)
    assert two.digest == load_manifest(write(tmp_path, environment={"keep": 2})).digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "demo.json is empty"),
        (" \n", "demo.json is empty"),
        ("[" * 100_000, "demo.json is not JSON"),
        ('{"name": %s}' % ("9" * 5000), "demo.json is not JSON"),
    ],
    ids=["empty", "blank", "deep", "digits"],
)
def test_text_that_is_no_manifest_is_told(
    text: str, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path).write_text(text)
    status, err = outcome(tmp_path, "plan", capfd)
    assert (status, words in err) == (2, True), err


def test_number_without_end_in_toml_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path).rename(tmp_path / "manifests" / "demo.toml").write_text(f"name = {'9' * 5000}")
    status, err = outcome(tmp_path, "plan", capfd)
    assert (status, "demo.toml is not TOML" in err) == (2, True), err


def test_what_python_finds_dubious_in_a_check_is_not_said_each_time_the_manifest_is_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, checks=[{"name": "c", "run": "assert (1, 'x')"}])
    assert outcome(tmp_path, "generations", capfd) == (0, "")


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be given there")
@pytest.mark.parametrize(
    ("name", "words"), [(b"a:b", "there is a ':' in its path"), (b"a\nb", "a line break"), (b"\xff", "is not UTF-8")]
)
def test_project_in_a_folder_where_no_environment_can_stand_is_refused_at_once(
    name: bytes, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / os.fsdecode(name)
    root.mkdir()
    write(root)
    status, err = outcome(root, "install", capfd)
    assert (status, words in err) == (2, True), err
    assert not (root / ".lockhouse" / "demo").exists()


@pytest.mark.parametrize("path", ["wheelhouse", "wheelhouse/env", "plugins", "plugins/../plugins/env"])
def test_environment_has_no_place_among_the_project_s_own_folders(
    path: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, environment={"path": path})
    status, err = outcome(tmp_path, "plan", capfd)
    assert (status, "belongs to the project itself" in err) == (2, True), err
    assert not (tmp_path / "wheelhouse").exists()


def test_manifest_that_is_a_folder_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manifests" / "demo.json").mkdir(parents=True)
    status, err = outcome(tmp_path, "plan", capfd)
    assert status == 2
    assert "demo.json cannot be read" in err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such pipes")
def test_manifest_that_is_a_pipe_is_not_waited_for(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path)
    path.unlink()
    os.mkfifo(path)
    status, err = outcome(tmp_path, "plan", capfd)
    assert (status, "demo.json is no file" in err) == (2, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tool = []", "tool must be a table"),
        ('[tool]\nlockhouse = "x"', "lockhouse must be a table"),
        ("x = " + "[" * 50_000, "pyproject.toml cannot be read"),
        (f"x = {'9' * 5000}", "pyproject.toml cannot be read"),
    ],
    ids=["list", "text", "deep", "digits"],
)
def test_settings_of_another_shape_are_told(
    text: str, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path)
    (tmp_path / "pyproject.toml").write_text(text)
    status, err = outcome(tmp_path, "plan", capfd)
    assert (status, words in err) == (2, True), err


@pytest.mark.skipif(os.name == "nt", reason="a folder in use cannot be removed there")
def test_present_folder_may_be_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"import os; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r}); "
    code += "import sys; sys.argv[1:] = ['--json', 'plan']; from lockhouse.__main__ import main; main()"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2, ended.stderr
    assert "the present folder does not exist any more" in ended.stderr
    assert valid(json.loads(ended.stdout))["error"]["code"] == "usage"
