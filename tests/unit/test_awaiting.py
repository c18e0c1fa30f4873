"""The end of a program is heard of, in time and however the system tells of it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lockhouse.awaiting import ended_within

Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture(params=["as the system has it", "without pidfd"])
def start(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    if request.param == "without pidfd":

        def refuse(pid: int, flags: int = 0) -> int:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

        monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)
    with ExitStack() as ending:

        def begin(code: str) -> subprocess.Popen[bytes]:
            process = ending.enter_context(subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE))
            ending.callback(process.kill)
            return process

        yield begin


def test_status_is_given_however_long_may_be_waited(start: Start) -> None:
    assert ended_within(start("raise SystemExit(7)"), 1e12) == 7


def test_program_that_goes_on_has_no_status(start: Start) -> None:
    process = start("input()")
    assert ended_within(process, 0.05) is None
    assert ended_within(process, 0) is None
    process.communicate(b"\n")
    assert ended_within(process, 0) == 0  # and whoever asks later is told


def test_two_may_wait(start: Start) -> None:
    process = start("input(); raise SystemExit(3)")
    heard: list[int | None] = []
    others = [threading.Thread(target=lambda: heard.append(ended_within(process, 120))) for _ in range(2)]
    for other in others:
        other.start()
    process.communicate(b"\n")
    for other in others:
        other.join(120)
    assert heard == [3, 3]


def open_files() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="looks at open files the Linux way")
def test_no_file_stays_open(start: Start) -> None:
    process = start("input()")
    before = open_files()
    ended_within(process, 0.01)
    assert open_files() == before
