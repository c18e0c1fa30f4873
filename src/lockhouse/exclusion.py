"""One run at a time in a project: the second waits, and says for whom. What the system refuses is no second run."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from lockhouse.errors import Hint, ProjectBusy
from lockhouse.events import Emit, Message
from lockhouse.leftovers import sweep_project
from lockhouse.locking import READ_ONLY, Hold, take
from lockhouse.project import Project
from lockhouse.state import storage_errors

__all__ = ["hold_project"]

PAUSE = 0.05
"""Seconds between two looks whether the project is free."""


def hold_project(project: Project, emit: Emit, patience: float, *, writing: bool = True) -> Hold:
    """Have a project alone until what is returned is released or the process ends.

    Waits at most ``patience`` seconds for another run, then raises ProjectBusy. The operating system frees the lock of
    a process that dies; what it was just writing is cleared away here. Raises StorageError for what the system refuses;
    who is not ``writing`` goes on without the lock where nothing can be written.
    """
    path = project.home / ".lock"  # beside folders of manifests: names that no manifest can have
    owner = project.home / ".owner"
    with storage_errors(path):
        try:
            project.home.mkdir(parents=True, exist_ok=True)
            hold = take(path)
        except OSError as error:
            if writing or error.errno not in READ_ONLY:
                raise
            return _Nothing()
        if hold is None:
            emit(Message(level="info", text=f"waiting for another lockhouse in this project{_named(owner)}"))
            hold = _wait(path, patience)
        if hold is None:
            raise ProjectBusy(
                "another lockhouse works on this project",
                cause=f"it did not finish within {patience:g} seconds{_named(owner)}",
                hints=[Hint("wait", "wait for it to end, or end it")],
            )
    with contextlib.suppress(OSError):  # it only says for whom others wait; a full disk must not keep `clean` out
        owner.write_text(str(os.getpid()), encoding="ascii")
    sweep_project(project)
    return hold


class _Nothing:
    """What is held where nobody can write."""

    def release(self) -> None:
        """Do nothing."""


def _wait(path: Path, patience: float) -> Hold | None:
    limit = time.monotonic() + patience
    while time.monotonic() < limit:
        time.sleep(PAUSE)
        if (hold := take(path)) is not None:
            return hold
    return None


def _named(owner: Path) -> str:
    with contextlib.suppress(OSError, ValueError):
        return f" (process {int(owner.read_text(encoding='ascii'))})"
    return ""
