from __future__ import annotations

import os
from pathlib import Path

import pytest

from lockhouse.environments.places import Places, base_interpreter, is_script


def executable(path: Path, content: bytes = b"\x7fELF") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def places(root: Path, system: str = "linux", **environ: str) -> Places:
    return Places(environ=environ, home=root / "home", system=system, root=root)


def test_path_entries_that_are_empty_relative_or_absent_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = executable(tmp_path / "bin/python3")
    executable(tmp_path / "here/python3")
    monkeypatch.chdir(tmp_path)
    path = os.pathsep.join(["", ".", "here", str(tmp_path / "absent"), str(good.parent)])
    assert places(tmp_path, PATH=path).on_path() == [good]


def test_what_cannot_be_executed_is_no_candidate(tmp_path: Path) -> None:
    executable(tmp_path / "bin/python3").chmod(0o644)
    (tmp_path / "bin/python").mkdir()
    (tmp_path / "bin/python3.12").symlink_to("nowhere")
    executable(tmp_path / "bin/python3.11", b"")
    assert places(tmp_path, PATH=str(tmp_path / "bin")).on_path() == []


@pytest.mark.parametrize(
    ("system", "environ", "path"),
    [
        ("linux", {}, "home/.pyenv/versions/3.12.1/bin/python3"),
        ("linux", {"PYENV_ROOT": "@/pyenv"}, "pyenv/versions/3.12.1/bin/python3"),
        ("linux", {}, "home/.local/share/uv/python/cpython-3.12.1-linux-x86_64-gnu/bin/python3.12"),
        ("linux", {"XDG_DATA_HOME": "@/data"}, "data/uv/python/cpython-3.12.1-linux-x86_64-gnu/bin/python3.12"),
        ("linux", {"UV_PYTHON_INSTALL_DIR": "@/own"}, "own/cpython-3.12.1-linux-x86_64-gnu/bin/python3.12"),
        ("linux", {}, "home/.local/share/mise/installs/python/3.12.1/bin/python3"),
        ("linux", {}, "home/.asdf/installs/python/3.12.1/bin/python3"),
        ("linux", {}, "usr/bin/python3.12"),
        ("linux", {}, "usr/local/bin/python3"),
        ("darwin", {}, "opt/homebrew/bin/python3.12"),
        ("darwin", {}, "Library/Frameworks/Python.framework/Versions/3.12/bin/python3.12"),
        ("darwin", {}, "Library/Developer/CommandLineTools/usr/bin/python3"),
        ("win32", {}, "home/.pyenv/pyenv-win/versions/3.12.1/python.exe"),
        ("win32", {"APPDATA": "@/roaming"}, "roaming/uv/data/python/cpython-3.12.1-windows-x86_64-none/python.exe"),
    ],
)
def test_interpreters_are_found_where_their_managers_put_them(
    tmp_path: Path, system: str, environ: dict[str, str], path: str
) -> None:
    found = executable(tmp_path / path)
    variables = {name: value.replace("@", str(tmp_path)) for name, value in environ.items()}
    assert places(tmp_path, system, **variables).elsewhere() == [found]


def test_short_cuts_beside_installations_are_not_installations(tmp_path: Path) -> None:
    versions = tmp_path / "home/.local/share/uv/python"
    found = executable(versions / "cpython-3.12.1-linux-x86_64-gnu/bin/python3.12")
    (versions / "cpython-3.12-linux-x86_64-gnu").symlink_to("cpython-3.12.1-linux-x86_64-gnu")
    assert places(tmp_path).elsewhere() == [found]


def test_the_stub_of_macos_that_opens_a_dialog_is_never_a_candidate(tmp_path: Path) -> None:
    if not Path("/usr/bin/python3").exists():
        pytest.skip("there is no /usr/bin/python3 here")
    here = Places(environ={"PATH": "/usr/bin"}, home=tmp_path, system="darwin", root=tmp_path)
    assert Path("/usr/bin/python3") not in here.on_path()
    there = Places(environ={"PATH": "/usr/bin"}, home=tmp_path, system="linux", root=tmp_path)
    assert Path("/usr/bin/python3") in there.on_path()


def test_only_the_plain_shim_of_pyenv_is_a_candidate(tmp_path: Path) -> None:
    shims = tmp_path / "home/.pyenv/shims"
    plain = executable(shims / "python3", b"#!/bin/sh")
    executable(shims / "python3.12", b"#!/bin/sh")
    assert places(tmp_path, PATH=str(shims)).on_path() == [plain]
    assert is_script(plain)


@pytest.mark.parametrize(
    "settings",
    [
        "home = @/base/bin\nversion = 3.12.1\n",
        "home=@/elsewhere\nexecutable = @/base/bin/python3.12\n",
        "home = @/elsewhere\nbase-executable = @/base/bin/python3.12\n",
        "HOME = @/base/bin\nversion_info = 3.12.1.final.0\n",
    ],
)
def test_the_base_of_an_environment_is_read_from_its_settings(tmp_path: Path, settings: str) -> None:
    base = executable(tmp_path / "base/bin/python3.12")
    inside = executable(tmp_path / "env/bin/python")
    (tmp_path / "env/pyvenv.cfg").write_text(settings.replace("@", str(tmp_path)), encoding="utf-8")
    assert base_interpreter(inside) == base
    assert base_interpreter(base) == base


def test_an_environment_made_from_an_environment_leads_to_the_real_base(tmp_path: Path) -> None:
    base = executable(tmp_path / "base/bin/python3.12")
    for name, home in (("first", "base"), ("second", "first")):
        executable(tmp_path / name / "bin/python3.12")
        (tmp_path / name / "pyvenv.cfg").write_text(f"home = {tmp_path / home}/bin\nversion = 3.12.1\n")
    assert base_interpreter(tmp_path / "second/bin/python3.12") == base


@pytest.mark.parametrize(
    "settings", ["", "home = /no/such/place\n", "garbage", "home = relative/bin\n", "home = @/env/bin\n"]
)
def test_an_environment_without_a_base_has_none(tmp_path: Path, settings: str) -> None:
    inside = executable(tmp_path / "env/bin/python")
    (tmp_path / "env/pyvenv.cfg").write_text(settings.replace("@", str(tmp_path)), encoding="utf-8")
    assert base_interpreter(inside) is None
