"""Helpers: known to who started them at any instant, and silent about nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockhouse import forking
from lockhouse.environments.processes import find_users
from lockhouse.forking import Helpers, see_ended

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux is forked on"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Neither processes nor open files nor locks, and requests to end are heard."""
    before = open_files()
    yield
    see_ended()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert open_files() == before
    assert not forking.quiet.locked()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def ended(helpers: Helpers, job: Any = os.getpid, count: int = 2) -> list[Any]:
    try:
        helpers.start(job, count)
        return list(helpers.answers())
    finally:
        helpers.end()


def test_each_gives_its_answer_once() -> None:
    found = ended(Helpers(), count=3)
    assert len(set(found)) == 3
    assert os.getpid() not in found


def test_an_interrupt_while_they_are_started_leaves_none_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fork

    def fork() -> int:
        process = real()
        if process:
            signal.raise_signal(signal.SIGINT)
        return process

    monkeypatch.setattr(os, "fork", fork)
    with pytest.raises(KeyboardInterrupt):
        ended(Helpers(), signal.pause)


def test_an_interrupt_of_a_helper_just_forked_does_not_let_it_back_into_our_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, here = os.fork, os.getpid()

    def fork() -> int:
        process = real()
        if not process:
            os.kill(os.getpid(), signal.SIGINT)
        return process

    monkeypatch.setattr(os, "fork", fork)
    try:
        assert ended(Helpers()) == []
    finally:
        if os.getpid() != here:
            (tmp_path / "came back").touch()
            os._exit(1)
    assert not list(tmp_path.iterdir())


STORM = """
import contextlib, os, random, signal
from lockhouse import forking

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGTERM, interrupt)
signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGTERM))
forking.ENDING += (signal.SIGALRM,)
chance = random.Random(7)
before = len(os.listdir("/proc/self/fd"))
for _ in range(300):
    helpers = forking.Helpers()
    with contextlib.suppress(KeyboardInterrupt):
        try:
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-5, 5e-3))
            helpers.start(os.getpid, 2)
            list(helpers.answers())
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            helpers.end()
forking.see_ended()
with contextlib.suppress(ChildProcessError):
    print("left:", os.waitpid(-1, os.WNOHANG))
print(len(os.listdir("/proc/self/fd")) - before, forking.quiet.locked())
"""


def test_an_interrupt_at_any_instant_leaves_none_behind() -> None:
    """In a process without other threads, of which one could take the signal at any instant."""
    done = subprocess.run([sys.executable, "-c", STORM], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("0 False\n", "")


def test_requests_that_are_ignored_are_ignored_by_helpers_too_and_others_end_them() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def handlers() -> list[bool]:
        return [
            signal.getsignal(signal.SIGHUP) == signal.SIG_IGN,
            signal.getsignal(signal.SIGINT) == signal.SIG_DFL,
            not signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        ]

    try:
        assert ended(Helpers(), handlers, 1) == [[True, True, True]]
    finally:
        signal.signal(signal.SIGHUP, before)


def test_without_processes_there_are_no_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    assert ended(Helpers()) == []


def test_an_answer_that_cannot_be_handed_over_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="none that marshal can write"):
        ended(Helpers(), object)
    assert ended(Helpers(), lambda: array("H", [1]), 1) == [b"\x01\0"]  # as it says


@pytest.mark.parametrize("end", [0, 3, 8, 9, 100_000])
def test_an_answer_that_broke_off_is_none_whatever_it_ends_with(monkeypatch: pytest.MonkeyPatch, end: int) -> None:
    here, write = os.getpid(), os.write

    def written(handle: int, data: bytes) -> int:
        if os.getpid() != here:
            write(handle, bytes(data)[:end])
            os._exit(0)
        return write(handle, data)

    monkeypatch.setattr(os, "write", written)
    assert ended(Helpers(), lambda: b"whole" * 100_000) == []


def test_a_long_answer_comes_whole() -> None:
    assert [len(answer) for answer in ended(Helpers(), lambda: b"whole" * 1_000_000)] == [5_000_000] * 2


def test_who_raises_has_no_answer() -> None:
    def fail() -> None:
        raise PermissionError

    assert ended(Helpers(), fail) == []


def test_helpers_that_have_answered_use_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ballast = [object() for _ in range(300_000)]  # so that giving it back takes a while
    for _ in range(20):
        assert len(ended(Helpers(), count=3)) == 3
        assert find_users(tmp_path) == ()
    assert ballast


def test_a_thread_beside_hears_no_request() -> None:
    heard: list[set[Any]] = []
    forking.beside(lambda: heard.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))).join()
    assert set(forking.ENDING) <= heard[0]
    assert threading.active_count() >= 1
