"""Ending what a check started, also what went out of its process group to live on: daemons.

Every process that a check starts inherits a variable that no other process has. One that throws its variables away on
purpose is not found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["MARK", "end_group", "end_marked"]

MARK = "LOCKHOUSE_CHECK"
"""The variable; its value is another one for every check that is run."""

ROUNDS = 20
"""How often is looked again: what is found may just be starting something else."""


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process with its group; on Windows, where there are none, with those that are its descendants."""
    if sys.platform == "win32":
        _end_descendants(process.pid)
        with contextlib.suppress(OSError):
            process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_marked(value: str) -> None:
    """End every process of this user that has ``value`` as its mark."""
    known: set[int] = set()
    for _ in range(ROUNDS):
        found = set(_marked(value)) - known
        if not found:
            return
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        known |= found  # one that was killed can be seen until somebody has asked how it ended


def _marked(value: str) -> Iterator[int]:
    if sys.platform != "linux":
        import psutil

        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == value:
                    yield process.pid
        return
    # Without psutil, whose import alone takes longer: this is done after every check.
    mark = f"{MARK}={value}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (place / "environ").read_bytes().split(b"\0"):
                yield int(place.name)


def _end_descendants(pid: int) -> None:
    import psutil

    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
