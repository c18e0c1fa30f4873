"""Traces of drivers in the file system, for fingerprints: look-ups only, no process.

For plugins: what comes, goes or changes with a driver or a device says whether the machine has to be asked again.
"""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from lockhouse.accelerators import Question
from lockhouse.surroundings import named

__all__ = ["contents", "files", "libraries", "listing", "programs", "questions"]

KERNELS = ("/proc/", "/sys/")
"""Files of the kernel have the time at which somebody first looked, and reading them may wait for a driver."""

MOST_FILES = 100
"""Files of one question that are looked at."""


def files(paths: Iterable[str]) -> str:
    """Time and size of those files that there are."""
    return ";".join(filter(None, map(_file, paths)))


def libraries(names: Iterable[str]) -> str:
    """The same of libraries in the folders of LD_LIBRARY_PATH, which the loader looks at first."""
    folders = [folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if folder]
    return files(f"{folder}/{name}" for folder in folders for name in names)


def contents(paths: Iterable[str]) -> str:
    """What stands in those small files that can be read."""
    return ";".join(f"{path}={text}" for path in paths if (text := _content(path)))


def listing(folder: str, pattern: str) -> str:
    """Names in a folder that fit a pattern."""
    return " ".join(sorted(path.name for path in Path(folder).glob(pattern)))


def programs(names: Iterable[str]) -> str:
    """Where programs are found, or that they are not."""
    return ";".join(shutil.which(name) or f"no {name}" for name in names)


def questions(asked: Iterable[Question]) -> str:
    """What questions name: their programs and files with time and size, their variables as a digest."""
    return "|".join(";".join(_traces_of(question)) for question in asked)


def _traces_of(question: Question) -> Iterator[str]:
    if question.kind == "command":
        found = shutil.which(question.ask[0]) if question.ask else None
        yield _file(found) if found else f"no {question.name}"
    elif question.kind in ("file", "files"):
        for pattern in question.ask:
            paths = sorted(islice(glob.iglob(pattern), MOST_FILES)) if question.kind == "files" else [pattern]  # noqa: PTH207
            yield from map(_there, paths)
    values = named(os.environ, question.variables)
    if values:  # not the values themselves: they may be anything
        yield hashlib.sha256(repr(sorted(values.items())).encode("utf-8", "replace")).hexdigest()


def _there(path: str) -> str:
    if path.startswith(KERNELS):
        return path if os.path.lexists(path) else ""
    return _file(path)


def _file(path: str) -> str:
    try:
        stat = Path(path).stat()
    except (OSError, ValueError):
        return ""
    return f"{path}:{stat.st_mtime_ns}:{stat.st_size}"


def _content(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            return file.read(256).strip()
    except OSError:
        return ""
