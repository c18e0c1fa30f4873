"""The provider venv, with every interpreter that can be found here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.generations import INTERPRETER
from lockhouse.environments import EnvironmentProvider
from lockhouse.environments.builtin import lockhouse_environments
from lockhouse.environments.scaffold import record_scaffold
from lockhouse.environments.tree import walk
from lockhouse.environments.venv import VenvProvider
from lockhouse.errors import BuildError, InterpreterNotFound, SubprocessFailed
from lockhouse.host import Interpreter

ASK = """
import json, platform, sys, sysconfig
paths = sysconfig.get_paths()
print(json.dumps([sys.executable, platform.python_version(), sys.prefix, paths["purelib"], paths["platlib"],
                  paths["scripts"], paths["data"], sys.implementation.name]))
"""


def ask(executable: str) -> list[str] | None:
    try:
        done = subprocess.run([executable, "-I", "-c", ASK], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return None
    answer: list[str] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return answer


def interpreter(release: str) -> Interpreter:
    """The interpreter of a release on PATH, or the one that runs the tests."""
    if release == "own":
        return INTERPRETER
    found = shutil.which(f"python{release}")
    answer = ask(found) if found else None
    if answer is None or not answer[1].startswith(f"{release}."):
        pytest.skip(f"there is no Python {release} on PATH")
    return Interpreter(executable=answer[0], version=answer[1], implementation=answer[7], markers={})


@pytest.mark.parametrize("release", ["own", "3.10", "3.11", "3.12", "3.13", "3.14"])
def test_an_environment_is_empty_and_lies_where_the_scheme_says(tmp_path: Path, release: str) -> None:
    python = interpreter(release)
    root = tmp_path / "some env"
    (root / ".lockhouse").mkdir(parents=True)
    provider = VenvProvider()
    provider.create(root, python)
    scheme = provider.scheme(root, python)
    assert list(scheme.purelib.iterdir()) == []
    answer = ask(str(scheme.python))
    assert answer is not None
    assert answer[1:7] == [
        python.version,
        str(root),
        str(scheme.purelib),
        str(scheme.platlib),
        str(scheme.scripts),
        str(scheme.data),
    ]


@pytest.mark.parametrize("release", ["own", "3.10", "3.11", "3.12", "3.13", "3.14"])
def test_no_bytecode_and_no_distribution_is_left_behind(tmp_path: Path, release: str) -> None:
    VenvProvider().create(tmp_path, interpreter(release))
    found = walk(tmp_path)
    assert not [path for path in found.files if path.endswith(".pyc") or ".dist-info/" in path]
    assert found.files.keys() == record_scaffold(tmp_path).keys()


def test_the_environment_s_interpreter_is_a_link(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("copies are made on Windows")
    VenvProvider().create(tmp_path, INTERPRETER)
    assert (tmp_path / "bin" / "python").is_symlink()


def test_a_shell_shows_the_manifest_s_name(tmp_path: Path) -> None:
    path = tmp_path / "llm" / "generations" / "0001-aaaaaaaaaaaa"
    path.mkdir(parents=True)
    VenvProvider().create(path, INTERPRETER)
    assert "prompt = 'llm'" in (path / "pyvenv.cfg").read_text()


def test_python_variables_of_the_user_take_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "poison").mkdir()
    (tmp_path / "poison" / "venv.py").write_text("raise SystemExit('poisoned')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "poison"))
    (tmp_path / "env").mkdir()
    VenvProvider().create(tmp_path / "env", INTERPRETER)
    assert (tmp_path / "env" / "pyvenv.cfg").is_file()


def test_an_interpreter_that_is_gone_is_named(tmp_path: Path) -> None:
    gone = replace(INTERPRETER, executable=str(tmp_path / "python3.11"))
    with pytest.raises(InterpreterNotFound) as failed:
        VenvProvider().create(tmp_path, gone)
    assert str(tmp_path / "python3.11") in (failed.value.cause or "")
    assert [hint.code for hint in failed.value.hints] == ["install-python"]


def test_an_interpreter_that_was_replaced_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="not the Python that was detected"):
        VenvProvider().create(tmp_path, replace(INTERPRETER, version="3.11.99"))


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for the interpreter")
def test_an_interpreter_that_cannot_make_one_says_what_it_said(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho No module named venv >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(SubprocessFailed) as failed:
        VenvProvider().create(tmp_path, replace(INTERPRETER, executable=str(broken)))
    assert failed.value.status == 1
    assert "No module named venv" in failed.value.output


def test_the_scheme_of_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    scheme = VenvProvider().scheme(tmp_path, INTERPRETER)
    assert scheme.python == tmp_path / "Scripts" / "python.exe"
    assert scheme.purelib == scheme.platlib == tmp_path / "Lib" / "site-packages"


def test_it_is_given_by_the_hook() -> None:
    providers = {provider.name: provider for provider in lockhouse_environments()}
    assert set(providers) == {"venv", "host"}
    assert isinstance(providers["venv"], EnvironmentProvider)
