"""Processes that use a folder: found by every way of using it, and ended."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.generations import INTERPRETER
from lockhouse.environments.processes import end, find_users
from lockhouse.environments.venv import VenvProvider

WAIT = "print('ready', flush=True); import sys; sys.stdin.read()"


@contextmanager
def running(*argv: str, cwd: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run a program that says when it is ready and then waits; end it afterwards."""
    process = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def python(code: str = "", cwd: Path | None = None) -> AbstractContextManager[subprocess.Popen[str]]:
    return running(sys.executable, "-I", "-c", f"{code}\n{WAIT}", cwd=cwd)


def uses(folder: Path) -> dict[int, str]:
    return {user.pid: user.uses for user in find_users(folder)}


def test_a_folder_that_nobody_uses(tmp_path: Path) -> None:
    assert find_users(tmp_path) == ()


def test_the_interpreter_of_an_environment_is_found(tmp_path: Path) -> None:
    VenvProvider().create(tmp_path, INTERPRETER)
    own = VenvProvider().scheme(tmp_path, INTERPRETER).python
    with running(str(own), "-I", "-c", WAIT) as process:
        assert list(uses(tmp_path)) == [process.pid]


@pytest.mark.skipif(os.name == "nt", reason="made of links")
def test_an_interpreter_started_through_the_pointer_is_found(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    VenvProvider().create(tmp_path / "env", INTERPRETER)
    (tmp_path / ".venv").symlink_to("env")
    with running(".venv/bin/python", "-I", "-c", WAIT, cwd=tmp_path) as process:
        assert uses(tmp_path / "env") == {process.pid: "command"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells what a name was found as")
def test_an_interpreter_called_by_its_name_in_an_activated_environment_is_found(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    VenvProvider().create(tmp_path / "env", INTERPRETER)
    (tmp_path / ".venv").symlink_to("env")
    call = f'PATH="relative:{tmp_path}/none:{tmp_path}/.venv/bin:$PATH"; exec python -I -c "$0"'
    with running("/bin/sh", "-c", call, WAIT) as process:
        assert uses(tmp_path / "env") == {process.pid: "command"}
    with running("/bin/sh", "-c", f'PATH="$PATH:{tmp_path}/.venv/bin"; exec sh -c "echo ready; read line; :"'):
        assert uses(tmp_path / "env") == {}


@pytest.mark.skipif(sys.platform != "linux", reason="any program can be copied on Linux")
def test_a_program_is_found(tmp_path: Path) -> None:
    shutil.copy("/bin/sh", tmp_path / "program")
    with running(str(tmp_path / "program"), "-c", "echo ready; read line") as process:
        assert uses(tmp_path) == {process.pid: "program"}


def test_a_working_directory_is_found(tmp_path: Path) -> None:
    with python(cwd=tmp_path) as process:
        assert uses(tmp_path) == {process.pid: "working directory"}


def test_an_open_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    with python(f"file = open({str(tmp_path / 'data')!r})") as process:
        assert uses(tmp_path) == {process.pid: "open file"}


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not tell what a process has loaded")
def test_a_loaded_library_is_found(tmp_path: Path) -> None:
    library = next(Path(sysconfig.get_config_var("DESTSHARED") or ".").glob("*.so"), None)
    if library is None:
        pytest.skip("this Python has no extension of its own to load")
    copied = tmp_path / "a library.so"
    shutil.copy(library, copied)
    with python(f"import ctypes; ctypes.CDLL({str(copied)!r})") as process:
        assert uses(tmp_path) == {process.pid: "loaded file"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere psutil is the only one to ask")
def test_psutil_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").write_text("x")
    shutil.copy("/bin/sh", tmp_path / "program")
    with (
        running(str(tmp_path / "program"), "-c", "echo ready; read line"),
        python(cwd=tmp_path),
        python(f"file = open({str(tmp_path / 'data')!r})"),
    ):
        ours = find_users(tmp_path)
        monkeypatch.setattr(sys, "platform", "darwin")
        assert find_users(tmp_path) == ours
    assert sorted(user.uses for user in ours) == ["open file", "program", "working directory"]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_program_with_a_newline_and_spaces_in_its_path_is_found(tmp_path: Path) -> None:
    odd = tmp_path / "a (b)\n c"
    odd.mkdir()
    shutil.copy("/bin/sh", odd / "a )(program")
    with running(str(odd / "a )(program"), "-c", "echo ready; read line") as process:
        assert uses(odd) == {process.pid: "program"}


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_whoever_started_us_does_not_count_whatever_its_name_is(tmp_path: Path) -> None:
    """A name may look like what comes behind it in ``/proc/PID/stat``."""
    name = "a) S 1 (b"
    shutil.copy("/bin/sh", tmp_path / name)
    code = "import sys; from lockhouse.environments import procfs; print(list(procfs.find_users(sys.argv[1])))"
    argv = [str(tmp_path / name), "-c", '"$0" -c "$1" "$2"; :', sys.executable, code, str(tmp_path)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "[]\n"


def test_we_and_those_who_started_us_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_users(tmp_path) == ()
    code = "import sys; from pathlib import Path; from lockhouse.environments.processes import find_users as f"
    argv = [sys.executable, "-c", f"{code}; print(f(Path(sys.argv[1])))", str(tmp_path)]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "()\n"


def test_a_folder_with_a_similar_name_is_another(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env-2").mkdir()
    with python(cwd=tmp_path / "env-2"):
        assert find_users(tmp_path / "env") == ()


def test_a_process_is_named_for_people(tmp_path: Path) -> None:
    with python(cwd=tmp_path) as process:
        (user,) = find_users(tmp_path)
        assert str(process.pid) in str(user)
        assert "working directory" in str(user)


def test_processes_are_ended(tmp_path: Path) -> None:
    with python(cwd=tmp_path) as process:
        assert end(find_users(tmp_path)) == ()
        assert find_users(tmp_path) == ()
        assert process.poll() is not None


@pytest.mark.skipif(os.name == "nt", reason="there are no signals to ignore")
def test_a_process_that_will_not_end_is_killed(tmp_path: Path) -> None:
    with python("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)", cwd=tmp_path) as process:
        assert end(find_users(tmp_path), timeout=0.2) == ()
        assert process.poll() is not None


def test_a_later_process_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    with python(cwd=tmp_path) as process:
        (user,) = find_users(tmp_path)
        assert end([replace(user, started=user.started - 1000)]) == ()
        assert process.poll() is None
