"""The ledger of a file that does not arrive from front to back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lockhouse.wheels.spans import Spans, known_spans, ledger_of


def partial(tmp_path: Path, size: int = 100) -> Path:
    path = tmp_path / "partial"
    path.write_bytes(bytes(size))
    return path


@pytest.mark.parametrize("missing", [None, "pwrite"])
def test_ledger_is_read_as_it_was_written(tmp_path: Path, missing: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing:
        monkeypatch.delattr(os, missing, raising=False)
    path = partial(tmp_path)
    ledger = Spans(ledger_of(path), [(0, 10), (40, 50)])
    first, second = ledger.open(60), ledger.open(10)
    ledger.extend(second, 20)
    ledger.extend(second, 30)
    assert known_spans(path, 100) == [(0, 30), (40, 50)]  # the record before it is not written yet
    ledger.extend(first, 61)
    assert (ledger.here, ledger.prefix()) == (41, 30)
    ledger.close()
    assert known_spans(path, 100) == [(0, 30), (40, 50), (60, 61)]
    Spans(ledger_of(path), known_spans(path, 100)).close()
    assert known_spans(path, 100) == [(0, 30), (40, 50), (60, 61)]


def test_without_a_ledger_the_file_is_the_beginning(tmp_path: Path) -> None:
    assert known_spans(partial(tmp_path, 30), 100) == [(0, 30)]
    assert known_spans(partial(tmp_path, 101), 100) == []
    assert known_spans(partial(tmp_path, 0), 100) == []
    assert known_spans(tmp_path / "missing", 100) == []


@pytest.mark.parametrize(("size", "there"), [(45, 100), (100, 45)])
def test_ledger_of_another_file_counts_for_nothing(tmp_path: Path, size: int, there: int) -> None:
    path = partial(tmp_path, there)
    Spans(ledger_of(path), [(0, 10), (40, 50)]).close()
    assert known_spans(path, size) == []
