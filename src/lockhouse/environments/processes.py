"""Processes that use a folder: finding them, naming them, and ending them where that is wanted."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockhouse.forking import see_ended
from lockhouse.values import dataclass

if TYPE_CHECKING:
    import psutil

__all__ = ["BusyProcess", "end", "find_users", "loaded_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyProcess:
    """A process that uses a folder. ``started`` (seconds since the epoch) tells it from a later one with its number.

    ``uses`` says how: ``program``, ``command``, ``working directory``, ``open file`` or ``loaded file``.
    """

    pid: int
    name: str
    started: float
    uses: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid}, {self.uses})"


def find_users(folder: Path) -> tuple[BusyProcess, ...]:
    """Find processes that use anything in a folder, by number. Never this process nor one that it descends from.

    A process that may not be looked into counts as far as it can be seen: no right to look is no error.
    """
    found = []
    see_ended()  # helpers of this process that have answered are no users
    root = os.path.realpath(folder)
    for pid in _users(root):
        import psutil

        try:
            process = psutil.Process(pid)
            name, started = process.name(), process.create_time()
            # Now that it is known which process it is: the number may be another's by now.
            uses = _how_now(process, root)
            if uses is not None:
                found.append(BusyProcess(pid=pid, name=name, started=started, uses=uses))
        except psutil.Error:
            continue  # it ended while we looked
    return tuple(sorted(found, key=lambda item: item.pid))


def _has_proc() -> bool:
    return sys.platform == "linux" and os.path.exists("/proc/self")  # noqa: PTH110


def _how_now(process: psutil.Process, root: str) -> str | None:
    if not _has_proc():
        return _how(process, root)
    from lockhouse.environments import procfs

    return procfs.how(process.pid, root)


def _users(root: str) -> Iterator[int]:
    if _has_proc():
        from lockhouse.environments import procfs

        yield from procfs.find_users(root)
        return
    import psutil

    own = {os.getpid()}
    own |= {process.pid for process in psutil.Process().parents()}
    for process in psutil.process_iter():
        if process.pid not in own and _how(process, root) is not None:
            yield process.pid


def end(processes: Sequence[BusyProcess], timeout: float = 10.0) -> tuple[BusyProcess, ...]:
    """Ask processes to end, kill those that have not after ``timeout`` seconds; return those that are still there."""
    import psutil

    alive = {process: item for item in processes if (process := _same(item)) is not None}
    for stop in (psutil.Process.terminate, psutil.Process.kill):
        for process in alive:
            try:
                stop(process)
            except psutil.Error:
                continue  # gone, or not ours to end: what is left at the end tells
        _, remaining = psutil.wait_procs(list(alive), timeout=timeout)
        alive = {process: alive[process] for process in remaining}
    return tuple(alive.values())


def _same(item: BusyProcess) -> psutil.Process | None:
    """The process itself; None if it is gone and its number perhaps somebody else's."""
    import psutil

    try:
        process = psutil.Process(item.pid)
        return process if process.create_time() == item.started else None
    except psutil.Error:
        return None


def _how(process: psutil.Process, root: str) -> str | None:
    """How a process uses the folder; the cheap questions first."""
    questions: tuple[tuple[str, Callable[[psutil.Process], Iterable[str]]], ...] = (
        ("program", lambda process: [process.exe()]),
        ("command", _command),
        ("working directory", lambda process: [process.cwd()]),
        ("open file", lambda process: [file.path for file in process.open_files()]),
        ("loaded file", loaded_files),
    )
    import psutil

    for uses, ask in questions:
        try:
            if any(path == root or path.startswith(root + os.sep) for path in ask(process)):
                return uses
        except (psutil.Error, OSError):
            continue
    return None


def _command(process: psutil.Process) -> Iterator[str]:
    """What was started, as it was called: an environment's interpreter is a link to a program that lies elsewhere."""
    words = process.cmdline()
    folder, name = os.path.split(words[0] if words else "")
    if folder:
        yield os.path.join(os.path.realpath(os.path.join(process.cwd(), folder)), name)  # noqa: PTH118


def loaded_files(process: psutil.Process) -> Iterator[str]:
    """Give the files that a process has in its memory; raises OSError or psutil.Error where it may not be asked."""
    if sys.platform == "linux":
        from lockhouse.environments import procfs

        yield from procfs.loaded_files(process.pid)
    elif sys.platform == "win32":  # macOS does not tell
        for mapped in process.memory_maps():
            yield mapped.path
