"""Folders in the system's temporary folder that a project's next run finds if this one is killed.

They do not lie in the project: programs put sockets into them, whose paths must be short and which not every file
system has, and some hold credentials. A note in the project has the name of each.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lockhouse.state import storage_errors

__all__ = ["clear_noted", "temporary_folder"]

NAME = re.compile(r"lockhouse-(?:check|pages)-[0-9a-f]{16}")


@contextlib.contextmanager
def temporary_folder(kind: str, notes: Path | None) -> Iterator[Path]:
    """Make a folder that only this user can enter, and remove it when the block ends.

    ``kind`` is ``check`` or ``pages``. ``notes`` is the folder for its note (``Project.temporary``); where that cannot
    be written, or is None, there is none. Raises StorageError if the system has no room for temporary folders.
    """
    folder, note = _make(kind, notes)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # on Windows a program may still hold a file for a moment
        if note is not None and not folder.exists():
            with contextlib.suppress(OSError):
                note.unlink(missing_ok=True)


def clear_noted(notes: Path) -> tuple[str, ...]:
    """Remove the folders that killed runs have left behind, and return their names.

    Notes may be a stranger's, in a project that was copied: nothing is removed but folders of this user with names that
    only such folders have.
    """
    names = tuple(sorted(note.name for note in notes.iterdir() if NAME.fullmatch(note.name)))
    for name in names:
        folder = Path(tempfile.gettempdir(), name)
        with contextlib.suppress(OSError):
            status = folder.lstat()
            if stat.S_ISDIR(status.st_mode) and (os.name == "nt" or status.st_uid == os.getuid()):
                shutil.rmtree(folder, ignore_errors=True)
    return names


def _make(kind: str, notes: Path | None) -> tuple[Path, Path | None]:
    with storage_errors(Path(tempfile.gettempdir())):
        while True:
            name = f"lockhouse-{kind}-{os.urandom(8).hex()}"
            assert NAME.fullmatch(name), name
            note = _noted(notes / name) if notes is not None else None  # first: whatever then happens, it can be found
            folder = Path(tempfile.gettempdir(), name)
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                return folder, note


def _noted(note: Path) -> Path | None:
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()
    except OSError:
        return None
    return note
