"""Processes as Linux shows them below ``/proc``: which ones use a folder.

This is asked before an environment is removed. psutil, which is asked elsewhere, looks at each open file from all
sides, and its import alone takes as long as asking some hundred processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

__all__ = ["find_users", "how", "loaded_files"]


def find_users(root: str) -> Iterator[int]:
    """Give the numbers of the processes that use a folder; ``root`` is a real path.

    Never this process nor one that it descends from. Of one that may not be looked into counts what can be seen.
    """
    family = set(_family())
    for entry in os.listdir("/proc"):  # noqa: PTH208
        if entry.isdecimal() and int(entry) not in family and how(int(entry), root):
            yield int(entry)


def loaded_files(pid: int) -> Iterator[str]:
    """Give the files that a process has in its memory; raises OSError where it may not be asked."""
    # Not smaps, for which the kernel walks all the memory: seconds for a process of many gigabytes.
    for line in _read(f"/proc/{pid}/maps").split(b"\n"):
        fields = line.split(maxsplit=5)
        if len(fields) == 6:
            yield os.fsdecode(fields[5])


def _family() -> Iterator[int]:
    """Give this process and those that it descends from."""
    pid = int(os.readlink("/proc/self"))  # noqa: PTH115 - its number as they have it who mounted /proc
    while pid:
        yield pid
        try:
            # The name before it may hold spaces and parentheses (proc_pid_stat(5)).
            _, _, rest = _read(f"/proc/{pid}/stat").rpartition(b")")
        except OSError:
            return
        pid = int(rest.split()[1])


def how(pid: int, root: str) -> str | None:
    """Tell how a process uses a folder, in the words of BusyProcess; None if it does not.

    The cheap questions come first.
    """
    place = f"/proc/{pid}"
    try:
        os.readlink(f"{place}/exe")  # noqa: PTH115
    except FileNotFoundError:
        return None  # it has ended, or is one of the kernel's own
    except OSError:
        pass  # it may not be looked into
    inside = f"{root}/"
    for uses, ask in QUESTIONS:
        try:
            if any(path == root or path.startswith(inside) for path in ask(place, root)):
                return uses
        except OSError:
            continue
    return None


def _program(place: str, _: str) -> Iterable[str]:
    return [os.readlink(f"{place}/exe")]  # noqa: PTH115


def _command(place: str, _: str) -> Iterable[str]:
    """What was started, as it was called: an environment's interpreter is a link to a program that lies elsewhere."""
    called = os.fsdecode(_read(f"{place}/cmdline").partition(b"\0")[0])
    folder, name = os.path.split(called)
    if not folder:
        return _found_on_path(place, called) if called else []
    if not os.path.isabs(folder):  # noqa: PTH117
        folder = os.path.join(os.readlink(f"{place}/cwd"), folder)  # noqa: PTH115, PTH118
    return [os.path.join(os.path.realpath(folder), name)]  # noqa: PTH118


def _found_on_path(place: str, name: str) -> Iterable[str]:
    """Give where a program was found that was called by its name alone, as a shell does it with ``python``."""
    variables = _read(f"{place}/environ").split(b"\0")
    for path in (variable for variable in variables if variable.startswith(b"PATH=")):
        for folder in os.fsdecode(path)[5:].split(":"):
            # Relative ones were so to a folder that may have been left since.
            if os.path.isabs(folder) and os.access(f"{folder}/{name}", os.X_OK):  # noqa: PTH117
                return [os.path.join(os.path.realpath(folder), name)]  # noqa: PTH118
    return []


def _working_directory(place: str, _: str) -> Iterable[str]:
    return [os.readlink(f"{place}/cwd")]  # noqa: PTH115


def _open_files(place: str, _: str) -> Iterable[str]:
    for name in os.listdir(f"{place}/fd"):  # noqa: PTH208
        try:
            yield os.readlink(f"{place}/fd/{name}")  # noqa: PTH115
        except FileNotFoundError:
            continue  # closed meanwhile


def _loaded_files(place: str, root: str) -> Iterable[str]:
    if os.fsencode(root) not in _read(f"{place}/maps"):
        return []
    return loaded_files(int(place.rpartition("/")[2]))


QUESTIONS: tuple[tuple[str, Callable[[str, str], Iterable[str]]], ...] = (
    ("program", _program),
    ("command", _command),
    ("working directory", _working_directory),
    ("open file", _open_files),
    ("loaded file", _loaded_files),
)


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        return file.readall()
