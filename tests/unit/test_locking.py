"""Locks on files: one holder, whatever becomes of the file."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lockhouse.locking import take

TRY = "import sys, pathlib; from lockhouse.locking import take; print(take(pathlib.Path(sys.argv[1])) is None)"


def taken_elsewhere(path: Path) -> bool:
    done = subprocess.run([sys.executable, "-c", TRY, path], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout == "True\n"


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_one_holds_it_until_it_is_released(tmp_path: Path) -> None:
    hold = take(tmp_path / "lock")
    assert hold is not None
    assert take(tmp_path / "lock") is None
    assert taken_elsewhere(tmp_path / "lock")
    hold.release()
    hold.release()
    assert not taken_elsewhere(tmp_path / "lock")


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is locked cannot be removed there")
@pytest.mark.parametrize("made_anew", [False, True])
def test_a_file_that_was_removed_while_it_was_opened_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_anew: bool
) -> None:
    import fcntl

    path = tmp_path / "lock"
    real = fcntl.flock
    tried = []

    def flock(handle: int, operation: int) -> None:
        tried.append(os.fstat(handle).st_ino)
        if len(tried) == 1:
            path.unlink()
            if made_anew:
                path.touch()
        real(handle, operation)

    opened = open_files()
    monkeypatch.setattr(fcntl, "flock", flock)
    hold = take(path)
    assert hold is not None
    assert len(tried) == 2
    assert taken_elsewhere(path)
    hold.release()
    assert open_files() == opened


@pytest.mark.skipif(sys.platform == "win32", reason="another call there")
def test_a_system_without_locks_is_an_error_and_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def flock(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    opened = open_files()
    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OSError, match="no locks"):
        take(tmp_path / "lock")
    assert open_files() == opened
