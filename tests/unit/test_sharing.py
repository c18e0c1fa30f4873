"""Work shared by threads where no process can be forked."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence

import pytest

from lockhouse import sharing
from lockhouse.sharing import share

ITEMS = list(range(100))
WEIGHTS = [1] * 100


@pytest.fixture(autouse=True)
def no_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "can_fork", lambda: False)


def test_every_item_is_done_once_by_several_threads_and_progress_is_told() -> None:
    met = threading.Barrier(3, timeout=10)
    told: list[int] = []

    def double(numbers: Sequence[int]) -> list[int]:
        if 0 in numbers or 99 in numbers:
            met.wait()
        return [2 * number for number in numbers]

    # Who does something meanwhile finds the threads at work.
    done = share(double, ITEMS, WEIGHTS, 1, told.append, threads=3, meanwhile=met.wait)
    assert sorted(number for some in done for number in some) == [2 * number for number in ITEMS]
    assert told == sorted(told)
    assert told[-1] == 100


def test_the_error_that_stopped_the_others_is_raised_and_nobody_is_at_work() -> None:
    begun: list[int] = []

    def fail(numbers: Sequence[int]) -> None:
        begun.extend(numbers)
        if 50 in numbers:
            raise PermissionError(13, "no")
        time.sleep(0.005)

    before = threading.active_count()
    with pytest.raises(PermissionError):
        share(fail, ITEMS, WEIGHTS, 1, threads=3)
    assert threading.active_count() == before
    assert len(begun) < 100


def test_an_error_meanwhile_ends_the_threads() -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        share(lambda _: time.sleep(0.01), ITEMS, WEIGHTS, 1, threads=3, meanwhile=fail)
    assert threading.active_count() == before


def test_work_that_cannot_be_done_again_is_never_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "can_fork", lambda: True)
    done = share(lambda _: os.getpid(), ITEMS, WEIGHTS, 1, threads=3, forking=False)
    assert set(done) == {os.getpid()}
    assert len(done) > 1


def test_little_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    here = threading.get_ident()
    assert share(lambda _: threading.get_ident(), [1, 2], [1, 1], 2, threads=3) == [here]
