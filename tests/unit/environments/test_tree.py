"""Hashing many files, on every core and in every way."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from lockhouse import sharing
from lockhouse.environments.tree import hash_files

COUNT = 1000


@pytest.fixture
def files(tmp_path: Path) -> list[tuple[str, int]]:
    """Small files, a large one, one that is gone and a folder."""
    contents = {f"f{number}": b"x" * number for number in range(COUNT)} | {"large": b"y" * (3 << 20)}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder").mkdir()
    return [*((name, len(data)) for name, data in contents.items()), ("gone", 7), ("folder", 0)]


@pytest.mark.parametrize("forking", [True, False])
def test_all_files_are_hashed_whoever_does_it(
    tmp_path: Path, files: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch, forking: bool
) -> None:
    if forking and sys.platform != "linux":
        pytest.skip("processes are forked on Linux only")
    if not forking:
        monkeypatch.setattr(sharing, "can_fork", lambda: False)
    told: list[int] = []
    hashes = hash_files(tmp_path, files, told.append)
    expected: dict[str, str | None] = {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name, _ in files[:-2]
    }
    assert hashes == expected | {"gone": None, "folder": None}
    assert told == sorted(told)
    assert told[-1] == len(files)


@pytest.mark.parametrize("some", [[], [("gone", 0)]])
def test_few_files_and_none(tmp_path: Path, some: list[tuple[str, int]]) -> None:
    told: list[int] = []
    assert hash_files(tmp_path, some, told.append) == {name: None for name, _ in some}
    assert told[-1:] == [len(some)]
