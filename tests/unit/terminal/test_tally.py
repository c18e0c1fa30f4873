from __future__ import annotations

from lockhouse.events import Progress
from lockhouse.terminal.tally import Tally


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def progress(item: str, done: int, total: int | None) -> Progress:
    return Progress(step="download", item=item, done=done, total=total, unit="bytes")


def test_total_is_the_sum_of_all_items() -> None:
    tally = Tally()
    for item in (progress("a", 0, 100), progress("b", 50, 300), progress("a", 40, 100)):
        tally.note(item)
    assert (tally.done, tally.total) == (90, 400)
    assert tally.share == 90 / 400


def test_total_is_unknown_while_that_of_one_item_is() -> None:
    tally = Tally()
    tally.note(progress("a", 10, 100))
    tally.note(progress("b", 10, None))
    assert tally.total is None
    assert tally.share is None
    tally.note(progress("b", 20, 200))
    assert tally.total == 300


def test_rate_does_not_count_what_was_there_before() -> None:
    clock = Clock()
    tally = Tally(clock)
    tally.note(progress("resumed", 900, 1000))
    clock.now += 4
    tally.note(progress("resumed", 940, 1000))
    assert tally.rate() == 10
    assert tally.remaining() == 6


def test_rate_follows_a_connection_that_stalls() -> None:
    clock = Clock()
    tally = Tally(clock)
    tally.note(progress("a", 0, 10_000))
    for _ in range(10):
        clock.now += 1
        tally.note(progress("a", round((clock.now - 100) * 100), 10_000))
    assert tally.rate() == 100
    clock.now += 60
    assert (tally.rate() or 0) < 5


def test_no_rate_is_told_before_there_is_one() -> None:
    clock = Clock()
    tally = Tally(clock)
    assert tally.rate() is None
    tally.note(progress("a", 0, 10))
    assert tally.rate() is None
    clock.now += 5
    assert tally.rate() == 0
    assert tally.remaining() is None


def test_item_that_starts_again_takes_its_bytes_back() -> None:
    clock = Clock()
    tally = Tally(clock)
    tally.note(progress("a", 0, 100))
    clock.now += 2
    tally.note(progress("a", 80, 100))
    tally.note(progress("a", 0, 100))
    assert tally.done == 0
    assert tally.rate() == 40
    assert [item.item for item in tally.active] == ["a"]


def test_active_items_are_those_that_moved_and_are_not_complete() -> None:
    tally = Tally()
    for name in "abc":
        tally.note(progress(name, 5, 10))
    tally.note(progress("c", 7, 10))
    tally.note(progress("b", 9, 10))
    assert [item.item for item in tally.active] == ["c", "b"]
    tally.note(progress("c", 10, 10))
    assert [item.item for item in tally.active] == ["b"]


def test_nothing_to_do_is_all_done() -> None:
    tally = Tally()
    tally.note(progress("empty", 0, 0))
    assert tally.share == 1.0
