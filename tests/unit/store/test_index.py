"""The index of what the store keeps: whole or none."""

from __future__ import annotations

import hashlib
from array import array
from pathlib import Path

import pytest

from lockhouse.store.index import INDEX, Folder, Kept, read_index, write_index

SCHEMA = "test/1"
KEPT = Kept(
    folders=(Folder("", ("a", "b\nc")), Folder("ä/深", ("d",))),
    modes=array("H", (0, 0o111, 0)),
    sizes=array("Q", (0, 1, 2**40)),
    hashes=b"".join(hashlib.sha256(text).digest() for text in (b"a", b"b", b"d")),
    inodes=array("Q", (1, 2**64 - 1, 3)),
    mtimes=array("q", (10**18, 0, -1)),
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_index(tmp_path, {"schema": SCHEMA, "boot": "x"}, KEPT)
    assert read_index(tmp_path, SCHEMA) == ({"boot": "x"}, KEPT)


def test_nothing_can_be_kept(tmp_path: Path) -> None:
    nothing = Kept((), array("H"), array("Q"), b"", array("Q"), array("q"))
    write_index(tmp_path, {"schema": SCHEMA}, nothing)
    assert read_index(tmp_path, SCHEMA) == ({}, nothing)


def test_another_schema_is_not_understood(tmp_path: Path) -> None:
    write_index(tmp_path, {"schema": SCHEMA}, KEPT)
    assert read_index(tmp_path, "test/2") is None


def test_no_byte_can_be_missing_or_another_one(tmp_path: Path) -> None:
    write_index(tmp_path, {"schema": SCHEMA}, KEPT)
    data = (tmp_path / INDEX).read_bytes()
    for place in range(len(data)):
        (tmp_path / INDEX).write_bytes(data[:place])
        assert read_index(tmp_path, SCHEMA) is None
        (tmp_path / INDEX).write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert read_index(tmp_path, SCHEMA) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no line",
        b"[]\n",
        b"{}\n",
        b'{"schema":"test/1"}\n',
        b'{"schema":"test/1","counts":[1],"folders":[""]}\n12345',
        b'{"schema":"test/1","counts":["1"],"folders":[""]}\n',
        b'{"schema":"test/1","counts":[],"folders":[""]}\n',
        b'{"schema":"test/1","counts":[1],"folders":[]}\n' + bytes(58) + b"a",
        b'{"schema":"test/1","counts":[1],"folders":[""]}\n' + bytes(58) + b"a\0b",
        b'{"schema":"test/1","counts":[2],"folders":[""]}\n' + bytes(116) + b"a",
        b'{"schema":"test/1","counts":[2,-1],"folders":["","b"]}\n' + bytes(58) + b"a",
    ],
)
def test_what_is_sealed_and_makes_no_sense_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / INDEX).write_bytes(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
    assert read_index(tmp_path, SCHEMA) is None


def test_a_folder_in_its_place_is_none(tmp_path: Path) -> None:
    assert read_index(tmp_path, SCHEMA) is None
    (tmp_path / INDEX).mkdir()
    assert read_index(tmp_path, SCHEMA) is None
