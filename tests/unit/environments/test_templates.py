"""Repeated environments: byte for byte those that ``venv`` makes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.generations import INTERPRETER
from lockhouse.environments.templates import repeat_template

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="environments hold copies of programs there")


class Maker:
    """Makes environments with ``venv``, and counts."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, place: Path, prompt: str) -> None:
        self.made += 1
        argv = [INTERPRETER.executable, "-I", "-B", "-m", "venv", "--without-pip", "--symlinks", "--prompt", prompt]
        subprocess.run([*argv, place], check=True, timeout=300)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOCKHOUSE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "environments"


def everything(root: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = Path(folder, name)
            mode = path.lstat().st_mode
            what = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
            found[str(path.relative_to(root))] = mode, what
    return found


def test_a_repeated_environment_is_the_one_that_venv_makes_there(tmp_path: Path) -> None:
    maker, path = Maker(), tmp_path / "place"
    path.mkdir()
    maker(path, "demo")
    expected = everything(path)
    for _ in range(2):
        shutil.rmtree(path)
        path.mkdir()
        assert repeat_template(path, "demo", INTERPRETER, maker)
        assert everything(path) == expected
    assert maker.made == 2, "once to compare with, once for the template"


@pytest.mark.parametrize("damage", ["", "{", '"text"'])
def test_a_damaged_template_is_made_anew(tmp_path: Path, cache: Path, damage: str) -> None:
    maker = Maker()
    for number in range(3):
        path = tmp_path / f"place{number}"
        path.mkdir()
        assert repeat_template(path, "demo", INTERPRETER, maker)
        assert (path / "bin" / "activate").is_file()
        if number == 0:
            (kept,) = cache.iterdir()
            text = kept.read_text()
            kept.write_text(text.replace("VIRTUAL_ENV", "VIRTUAL_END") if damage == '"text"' else damage)
    assert maker.made == 2
    assert everything(tmp_path / "place0").keys() == everything(tmp_path / "place2").keys()
    assert b"VIRTUAL_END" not in (tmp_path / "place2" / "bin" / "activate").read_bytes()


@pytest.mark.parametrize(("name", "prompt"), [("some env", "demo"), ("env", "it's"), ("umgebung-ä", "demo")])
def test_what_shells_have_to_quote_is_left_to_venv(tmp_path: Path, name: str, prompt: str) -> None:
    path = tmp_path / name
    path.mkdir()
    assert not repeat_template(path, prompt, INTERPRETER, Maker())
    assert list(path.iterdir()) == []


def test_without_a_cache_an_environment_is_made_all_the_same(tmp_path: Path, cache: Path) -> None:
    cache.parent.mkdir()
    cache.write_text("in the way")
    path = tmp_path / "place"
    path.mkdir()
    assert not repeat_template(path, "demo", INTERPRETER, Maker())
