"""Work on several cores: all of it is done, whatever becomes of who does it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockhouse import cores, forking
from lockhouse.cores import spread

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux is forked on"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork also where tests are run in several processes: each of those has a thread to be told what to do."""
    monkeypatch.setattr(cores, "_cores", lambda: 4)
    beside = threading.active_count()
    monkeypatch.setattr(threading, "active_count", lambda active=threading.active_count: active() - beside + 1)


def negated(numbers: Sequence[int]) -> list[int]:
    return [-number for number in numbers]


def flat(results: Sequence[Sequence[int]]) -> list[int]:
    return sorted(item for result in results for item in result)


def children() -> bool:
    """Whether helpers are left when those that are through have had time to end."""
    until = time.monotonic() + 5
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < until:
            os.waitpid(-1, os.WNOHANG)
            time.sleep(0.001)
        return True
    return False


@settings(deadline=None, max_examples=30)  # processes are started
@given(weights=st.lists(st.integers(1, 1000), max_size=60))
def test_every_item_is_done_once_whatever_it_weighs(weights: list[int]) -> None:
    items = list(range(len(weights)))
    assert flat(spread(negated, items, weights, 10)) == sorted(negated(items))


def test_several_processes_take_part_and_none_is_left() -> None:
    here = os.getpid()

    def who(numbers: Sequence[int]) -> list[int]:
        # Whoever waits leaves the rest to the others.
        if os.getpid() == here:
            time.sleep(0.05)
        return [os.getpid()]

    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    assert set(flat(spread(who, list(range(100)), [1] * 100, 1))) != {here}
    assert not children()
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


def test_work_of_killed_helpers_is_done_here() -> None:
    here = os.getpid()

    def deadly(numbers: Sequence[int]) -> list[int]:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return negated(numbers)

    assert flat(spread(deadly, list(range(100)), [1] * 100, 1)) == sorted(negated(range(100)))
    assert not children()


def test_who_stands_for_an_answer_that_broke_off(monkeypatch: pytest.MonkeyPatch) -> None:
    here, write = os.getpid(), os.write

    def written(handle: int, data: bytes) -> int:
        if os.getpid() == here:
            return write(handle, data)
        write(handle, bytes(data)[:-3])
        os._exit(0)

    monkeypatch.setattr(os, "write", written)

    assert flat(spread(negated, list(range(100)), [1] * 100, 1)) == sorted(negated(range(100)))
    assert not children()


def test_whoever_takes_part_tells_how_far_all_are() -> None:
    told: list[int] = []

    spread(negated, list(range(100)), [2] * 100, 1, told.append)

    assert told == sorted(told)
    assert told[-1] == 200


def test_no_helper_that_has_answered_holds_a_lock(tmp_path: Path) -> None:
    import fcntl

    ballast = [object() for _ in range(300_000)]  # so that giving it back takes a while
    for _ in range(10):
        first = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(first, fcntl.LOCK_EX)
        spread(negated, list(range(100)), [1] * 100, 1)
        os.close(first)
        second = os.open(tmp_path / "lock", os.O_RDWR)
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(second)
    assert ballast


def test_two_things_are_done_at_once_and_either_may_fail() -> None:
    met = threading.Barrier(2, timeout=10)
    done: list[str] = []

    def meet(name: str) -> None:
        met.wait()
        done.append(name)

    cores.at_once(meet, "first", "second")
    assert sorted(done) == ["first", "second"]

    def fail(name: str) -> None:
        if name == bad:
            raise PermissionError(name)

    for bad in ("first", "second"):
        with pytest.raises(PermissionError, match=bad):
            cores.at_once(fail, "first", "second")


def test_an_error_of_the_work_is_raised_and_no_helper_is_left() -> None:
    def failing(numbers: Sequence[int]) -> list[int]:
        raise PermissionError(13, "no")

    with pytest.raises(PermissionError):
        spread(failing, list(range(100)), [1] * 100, 1)
    assert not children()


def test_an_interrupt_ends_the_helpers() -> None:
    here = os.getpid()

    def endless(numbers: Sequence[int]) -> list[int]:
        if os.getpid() == here:
            raise KeyboardInterrupt
        signal.pause()
        return []

    with pytest.raises(KeyboardInterrupt):
        spread(endless, list(range(100)), [1] * 100, 1)
    assert not children()


def test_beside_threads_nothing_is_forked() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert spread(lambda _: [os.getpid()], list(range(100)), [1] * 100, 1) == [[os.getpid()]]
    finally:
        done.set()
        thread.join()


def test_beside_a_thread_that_keeps_quiet_processes_are_forked_and_may_fork_again() -> None:
    ended, turns = threading.Event(), []

    def draw() -> None:
        while not ended.wait(0.0005):
            with forking.quiet:
                turns.append(threading.active_count())
                time.sleep(0.002)

    def who(numbers: Sequence[int]) -> list[int]:
        time.sleep(0.01)
        again = flat(spread(negated, [1, 2, 3], [1, 1, 1], 1))
        return [os.getpid(), *again]

    thread = forking.beside(draw)
    try:
        found = flat(spread(who, list(range(100)), [1] * 100, 1))
    finally:
        ended.set()
        thread.join()
    assert turns
    assert len(set(found) - {-1, -2, -3}) > 1
    assert not children()


def test_who_does_not_keep_quiet_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forking, "QUIET", 0.01)
    with forking.quiet:
        assert set(flat(spread(lambda _: [os.getpid()], list(range(100)), [1] * 100, 1))) == {os.getpid()}
    assert not forking.quiet.locked()


def test_little_work_is_not_worth_a_process() -> None:
    assert spread(negated, [1, 2, 3], [1, 1, 1], 2000) == [[-1, -2, -3]]


def test_nothing_is_begun_after_an_error_of_a_helper(tmp_path: Path) -> None:
    here = os.getpid()

    def failing(numbers: Sequence[int]) -> list[int]:
        if os.getpid() != here or (tmp_path / "failed").exists():
            (tmp_path / "failed").touch()
            raise PermissionError(13, "no")
        (tmp_path / str(numbers[0])).touch()
        until = time.monotonic() + 10
        while not (tmp_path / "failed").exists() and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(0.05)
        return negated(numbers)

    with pytest.raises(PermissionError):
        spread(failing, list(range(100)), [1] * 100, 1)
    assert len(list(tmp_path.iterdir())) <= 2  # the sign, and what was begun here before it
    assert not children()


def test_something_else_is_done_while_helpers_work(tmp_path: Path) -> None:
    here = os.getpid()

    def work(numbers: Sequence[int]) -> list[int]:
        if os.getpid() != here:
            (tmp_path / "at work").touch()
        return negated(numbers)

    def wait() -> None:
        until = time.monotonic() + 10
        while not (tmp_path / "at work").exists():
            assert time.monotonic() < until
            time.sleep(0.001)

    assert flat(spread(work, list(range(100)), [1] * 100, 1, meanwhile=wait)) == sorted(negated(range(100)))
