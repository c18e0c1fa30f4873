"""Traces of drivers in the file system, for fingerprints: look-ups only, no process.

For plugins: what comes, goes or changes with a driver or a device says whether the machine has to be asked again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

__all__ = ["contents", "files", "libraries", "listing", "programs"]


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
