"""One lockhouse at a time in a host, from however many projects: the second one waits."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lockhouse.errors import Hint, ProjectBusy
from lockhouse.events import Emit, Message
from lockhouse.state import storage_errors

__all__ = ["hold_host"]

PATIENCE = 3600.0
"""Seconds to wait for another lockhouse: adding a large torch and proving it takes minutes."""

PAUSE = 0.1


@contextlib.contextmanager
def hold_host(site: Path, emit: Emit, patience: float = PATIENCE) -> Iterator[None]:
    """Have a host alone; ``site`` is the folder where its distributions go.

    The folder itself is locked, which leaves no trace in it, and the system frees the lock of a process that dies.
    Raises ProjectBusy when another one does not finish within ``patience`` seconds.
    """
    with storage_errors(site):
        handle = _open(site)
    try:
        if not _locked(handle):
            emit(Message(level="info", text=f"waiting for another lockhouse that works on {site}"))
            limit = time.monotonic() + patience
            while not _locked(handle):
                if time.monotonic() > limit:
                    raise ProjectBusy(
                        "another lockhouse works on the host",
                        cause=f"it did not finish within {patience:g} seconds",
                        hints=[Hint("wait", "wait for it to end, or end it")],
                    )
                time.sleep(PAUSE)
        yield
    finally:
        os.close(handle)


def _open(site: Path) -> int:
    """Open what is locked: the folder, or a file that stands for it where folders cannot be locked."""
    if sys.platform != "win32":
        handle = os.open(site, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _locked(handle)
        except OSError:  # some network file systems
            os.close(handle)
        else:
            return handle
    name = hashlib.sha256(os.path.realpath(site).encode()).hexdigest()[:16]
    return os.open(Path(tempfile.gettempdir(), f"lockhouse-host-{name}"), os.O_RDWR | os.O_CREAT, 0o666)


if sys.platform == "win32":

    def _locked(handle: int) -> bool:
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _locked(handle: int) -> bool:
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # once more is no harm
        except BlockingIOError:
            return False
        return True
