"""Columns of numbers: the same bytes on every machine."""

from __future__ import annotations

import sys
from array import array

import pytest

from lockhouse.columns import INODE, join, pack, unpack


@pytest.mark.parametrize(
    ("kind", "values", "data"),
    [
        ("H", [1, 0o111], b"\x01\0\x49\0"),
        ("Q", [1, INODE], b"\x01" + bytes(7) + b"\xff" * 8),
        ("q", [-2], b"\xfe" + b"\xff" * 7),
        ("Q", [], b""),
    ],
)
def test_columns_lie_on_disk_with_the_least_byte_first(kind: str, values: list[int], data: bytes) -> None:
    assert pack(kind, values) == data
    assert list(unpack(kind, data)) == values


def test_a_machine_with_the_greatest_byte_first_turns_them(monkeypatch: pytest.MonkeyPatch) -> None:
    here = array("Q", [1]).tobytes()
    monkeypatch.setattr(sys, "byteorder", "big")
    column = array("Q", [1])
    assert pack("Q", column) == here[::-1]
    assert list(column) == [1], "who packs a column still has it"
    assert list(unpack("Q", here[::-1])) == [1]


def test_what_cannot_be_a_column_is_none() -> None:
    with pytest.raises(ValueError, match="multiple of item size"):
        unpack("Q", bytes(9))


def test_columns_are_joined_in_their_order() -> None:
    assert list(join("q", [array("q", [3, -1]), array("q"), array("q", [2])])) == [3, -1, 2]
