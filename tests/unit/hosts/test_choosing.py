"""Which environment is the host."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from fixtures.hosts import make_host
from lockhouse.errors import InterpreterNotFound, UsageError
from lockhouse.hosts.choosing import find_host

RELEASE = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_the_path_names_the_folder_or_the_interpreter(tmp_path: Path) -> None:
    host = make_host(tmp_path / "venv")
    for path in ("venv", str(host.root), "venv/bin/python"):
        assert find_host(tmp_path, path, RELEASE).prefix == str(host.root)
    assert find_host(tmp_path, "venv", platform.python_version()).prefix == str(host.root)


def test_without_a_path_it_is_the_environment_that_lockhouse_runs_in(tmp_path: Path) -> None:
    assert find_host(tmp_path, ".venv", RELEASE).prefix == sys.prefix


def test_then_the_first_of_the_wanted_version_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = make_host(tmp_path / "venv")
    monkeypatch.setattr(sys, "executable", str(host.python))
    monkeypatch.setenv("PATH", str(host.root / "bin"))
    with pytest.raises(InterpreterNotFound) as caught:
        find_host(tmp_path, ".venv", "3.1")
    assert str(host.python) in str(caught.value.cause)
    assert find_host(tmp_path, ".venv", RELEASE).prefix == str(host.root)


def test_what_is_named_and_not_there_is_never_replaced_by_something_else(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in ("nowhere", "empty"):
        with pytest.raises(UsageError, match="no environment"):
            find_host(tmp_path, path, RELEASE)
    (tmp_path / ".venv").mkdir()
    with pytest.raises(UsageError):
        find_host(tmp_path, ".venv", RELEASE)


def test_an_environment_of_another_version_is_refused(tmp_path: Path) -> None:
    make_host(tmp_path / "venv")
    with pytest.raises(InterpreterNotFound) as caught:
        find_host(tmp_path, "venv", "3.1")
    assert platform.python_version() in str(caught.value.cause)
