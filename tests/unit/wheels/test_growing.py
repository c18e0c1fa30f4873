"""The hash of a file that still arrives."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from lockhouse.wheels.growing import GrowingHash
from lockhouse.wheels.lanes import Stopped

DATA = bytes(range(256)) * 40


def test_hash_is_of_the_bytes_that_arrived_not_of_those_that_were_there_before(tmp_path: Path) -> None:
    path = tmp_path / "partial"
    path.write_bytes(bytes(len(DATA)))  # a hole, as large as the file will be
    growing, reached = GrowingHash(path), 0

    def reach() -> int:
        nonlocal reached
        with path.open("r+b") as file:  # some more arrives each time that it is looked
            file.seek(reached)
            reached = min(reached + 1000, len(DATA))
            file.write(DATA[file.tell() : reached])
        return reached

    growing.follow(reach, threading.Event())
    assert growing.hexdigest() == hashlib.sha256(DATA).hexdigest()


def test_hash_goes_on_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "partial"
    path.write_bytes(DATA)
    growing = GrowingHash(path)
    for reach in (0, 10, 10, 5000, len(DATA)):
        growing.follow(lambda reach=reach: reach, threading.Event())  # type: ignore[misc]
        assert growing.hexdigest() == hashlib.sha256(DATA[:reach]).hexdigest()


def test_file_that_is_cut_meanwhile_is_told(tmp_path: Path) -> None:
    path = tmp_path / "partial"
    path.write_bytes(DATA)
    with pytest.raises(OSError, match="was cut"):
        GrowingHash(path).follow(lambda: len(DATA) + 1, threading.Event())


def test_hash_can_be_called_off(tmp_path: Path) -> None:
    path = tmp_path / "partial"
    path.write_bytes(DATA)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        GrowingHash(path).follow(lambda: len(DATA), stop)
