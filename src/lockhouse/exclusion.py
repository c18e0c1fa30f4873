"""One run at a time in a project: the second waits, and says for whom."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from lockhouse.errors import Hint, ProjectBusy
from lockhouse.events import Emit, Message
from lockhouse.project import Project
from lockhouse.state import storage_errors

__all__ = ["hold_project"]


def hold_project(project: Project, emit: Emit, patience: float) -> BaseFileLock:
    """Have a project alone until the returned lock is released or the process ends.

    Waits at most ``patience`` seconds for another run, then raises ProjectBusy. The operating system frees the lock of
    a process that dies.
    """
    path = project.home / "lock"
    owner = project.home / "owner"
    with storage_errors(path):
        project.home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            emit(Message(level="info", text=f"waiting for another lockhouse in this project{_named(owner)}"))
            try:
                lock.acquire(timeout=patience)
            except Timeout:
                raise ProjectBusy(
                    "another lockhouse works on this project",
                    cause=f"it did not finish within {patience:g} seconds{_named(owner)}",
                    hints=[Hint("wait", "wait for it to end, or end it")],
                ) from None
        owner.write_text(str(os.getpid()), encoding="ascii")
    return lock


def _named(owner: Path) -> str:
    with contextlib.suppress(OSError, ValueError):
        return f" (process {int(owner.read_text(encoding='ascii'))})"
    return ""
