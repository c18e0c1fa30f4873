"""Removal of folders that lockhouse made: thorough, patient, and in an order that keeps them recognisable.

The marker of a folder goes last, so that a removal that was interrupted leaves something that still says whose it is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from lockhouse.cores import spread
from lockhouse.environments.links import is_link, remove_link
from lockhouse.errors import Hint, StorageError

__all__ = ["remove_tree"]

# A virus scanner or an indexer on Windows holds a file for some tenths of a second; together this waits 6 seconds.
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.85)

WORTH_A_PROCESS = 2000
"""Files and folders whose removal takes longer than starting a process."""

HEAVY = 10
"""How many files are removed while one folder is."""


def remove_tree(path: Path, *, last: str | None = None) -> None:
    """Remove a folder with all that is in it, never following a link; ``last`` names the entry that goes at the end.

    Where ``path`` itself is a link or a file, that goes. Read-only folders are opened, what is held by others is tried
    again for some seconds. Raises StorageError when something is still there after that.
    """
    # On POSIX nothing lets go of a file later that could not be removed now: one more try, after opening folders.
    pauses = PAUSES if sys.platform == "win32" else (0.0,)
    for pause in (*pauses, None):
        try:
            _remove(path, last)
        except OSError as error:
            if pause is None:
                raise _not_removed(path, error) from error
            _open_up(path)
            time.sleep(pause)
            continue
        return


def _remove(path: Path, last: str | None) -> None:
    if is_link(path):
        remove_link(path)
        return
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    with os.scandir(path) as entries:
        found = list(entries)
    for group in ([entry for entry in found if entry.name != last], [entry for entry in found if entry.name == last]):
        folders = [entry.path for entry in group if _is_folder(entry)]
        for entry in group:
            if entry.path not in folders:
                os.unlink(entry.path)
        _remove_folders(folders)
    path.rmdir()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder of its own. A junction is one to Python, but ``os.unlink`` removes it as a link."""
    return entry.is_dir(follow_symlinks=False) and (sys.platform != "win32" or not is_link(Path(entry.path)))


def _remove_folders(paths: Sequence[str]) -> None:
    if os.unlink not in os.supports_dir_fd or os.scandir not in os.supports_fd:
        for path in paths:
            _remove_folder(path)
        return
    folders = list(_walk(paths))
    weights = [HEAVY + len(names) for _, names in folders]
    left = [path for share in spread(_empty, folders, weights, WORTH_A_PROCESS) for path in share]
    for path in sorted(left, reverse=True):  # what is in a folder comes before it
        _remove_empty(path)


def _walk(paths: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """List folders and those in them, and what each holds besides; all that is in one follows it at once."""
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        names = []
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    names.append(entry.name)
        yield path, names


def _empty(folders: Sequence[tuple[str, list[str]]]) -> list[str]:
    """Remove what folders hold, and them; give those that others are in, which somebody else removes."""
    for path, names in folders:
        if not names:
            continue
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            for name in names:
                try:
                    os.unlink(name, dir_fd=handle)
                except FileNotFoundError:
                    pass  # whoever began with this folder did not come to its end
                except OSError as error:
                    error.filename = f"{path}/{name}"  # the call itself knows only the name
                    raise
        finally:
            os.close(handle)
    left = []
    for path, _ in reversed(folders):
        try:
            _remove_empty(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            left.append(path)
    return left


def _remove_empty(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(path)  # noqa: PTH106 - once per folder


def _remove_folder(path: str) -> None:
    def fail(_operation: object, where: str, error: BaseException) -> NoReturn:
        if isinstance(error, OSError):
            error.filename = where  # rmtree itself knows only the last part
        raise error

    if sys.version_info >= (3, 12):
        shutil.rmtree(path, onexc=fail)
    else:
        shutil.rmtree(path, onerror=lambda operation, where, info: fail(operation, where, info[1]))


def _open_up(path: Path) -> None:
    """Make folders writable; files only on Windows, where a read-only file cannot be deleted.

    Elsewhere a file's mode does not matter for its removal, and changing it would reach every hard link of it.
    """
    with contextlib.suppress(OSError):
        path.chmod(stat.S_IRWXU)
    for folder, folders, files in os.walk(path):
        for name in folders if sys.platform != "win32" else [*folders, *files]:
            inner = Path(folder, name)
            if not inner.is_symlink():
                with contextlib.suppress(OSError):
                    inner.chmod(stat.S_IRWXU)


def _not_removed(path: Path, error: OSError) -> StorageError:
    where = error.filename or path
    return StorageError(
        f"{path} could not be removed completely",
        cause=f"{where}: {error.strerror or error}",
        hints=[
            Hint("close-users", "end the programs that use it, or correct its permissions, and run the command again")
        ],
    )
