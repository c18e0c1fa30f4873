"""Soundness: every way in which a file can be another one than was written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lockhouse.store.soundness import Written, has_changed


def rewrite(path: Path) -> None:
    """Put other content of the same size and time into a file of the same name."""
    times = path.stat()
    path.with_name("new").write_bytes(b"b")
    path.with_name("new").replace(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def edit(path: Path) -> None:
    path.write_bytes(b"b")
    os.utime(path, ns=(0, 10**9))


@pytest.mark.parametrize(
    ("change", "damaged"),
    [
        (lambda path: None, False),
        (Path.unlink, True),
        (edit, True),
        (rewrite, True),
        (lambda path: path.write_bytes(b"ab"), True),
        (lambda path: path.rename(path.with_name("b")), True),
    ],
)
def test_a_file_that_changed(tmp_path: Path, change: Callable[[Path], object], damaged: bool) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a")
    state = path.stat()
    written = Written([state.st_size], [state.st_mtime_ns], [state.st_ino])
    (tmp_path / "other").write_bytes(b"")  # so that no number of an inode is used anew
    change(path)
    assert has_changed(str(tmp_path), ["a"], written) is damaged


def test_of_long_numbers_of_inodes_the_last_bits_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ReFS has inodes of 128 bits; a column keeps 64 of them."""
    path = tmp_path / "a"
    path.write_bytes(b"a")
    real = os.stat

    def stat(*args: Any, **options: Any) -> Any:
        found = real(*args, **options)
        fields = {name: getattr(found, name) for name in ("st_mtime_ns", "st_size", "st_ino")}
        return SimpleNamespace(**fields | {"st_ino": found.st_ino + (7 << 64)})

    state = path.stat()
    monkeypatch.setattr(os, "stat", stat)
    assert not has_changed(str(tmp_path), ["a"], Written([1], [state.st_mtime_ns], [state.st_ino]))
    assert has_changed(str(tmp_path), ["a"], Written([1], [state.st_mtime_ns], [state.st_ino + 1]))
