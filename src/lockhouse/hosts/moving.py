"""Files into a host and out again: every step is one rename, and every walk can be cut off and repeated.

Nothing in here writes to a file, follows a link or replaces anything: a file of the host may share its content with a
cache of some installer by a hard link. A step that was done is found done.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import field

from lockhouse.errors import BuildError, Hint
from lockhouse.values import dataclass

__all__ = ["CACHE", "Taken", "bytecode_of", "foreign_in", "put", "put_back", "take"]

CACHE = "__pycache__"
BYTECODE = (".pyc", ".pyo")
# Some file systems have no hard links, and the kernel forbids links to what belongs to another user.
NO_LINKS = frozenset({errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


@dataclass(slots=True)
class Taken:
    """What was found on the way out: files that were added by others and stay, and the folders that stay for them."""

    foreign: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def put(source: str, target: str) -> None:
    """Bring a file or folder to its place, where nothing must be; folders that are there already are joined.

    Raises BuildError where something else is in the way.
    """
    if not os.path.lexists(source):
        return
    if _is_folder(source):
        _put_folder(source, target)
        return
    try:
        # Unlike a rename, a link never replaces what somebody else has put there meanwhile.
        os.link(source, target, follow_symlinks=False)
    except FileExistsError as error:
        if not _same(source, target):
            raise _in_the_way(target) from error
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if os.path.lexists(target):
            raise _in_the_way(target) from error
        os.rename(source, target)  # noqa: PTH104
        return
    os.unlink(source)


def take(source: str, target: str, ours: Callable[[str], bool], taken: Taken) -> None:
    """Bring back to ``source`` what :func:`put` brought to ``target``; ``ours`` tells our files by their paths there.

    Bytecode of ours goes. What somebody else put into a folder of ours stays, with the folder.
    """
    if not os.path.lexists(target):
        if not os.path.lexists(source):
            taken.missing.append(target)
        return
    if not _is_folder(target):
        _take_file(source, target, ours, taken)
        return
    if not os.path.lexists(source) and not any(foreign_in(target, ours)):
        os.rename(target, source)  # noqa: PTH104
        return
    os.makedirs(source, exist_ok=True)  # noqa: PTH103
    with os.scandir(target) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        path = f"{target}/{name}"
        if _is_bytecode(path) and not ours(path):
            os.unlink(path)
        else:
            take(f"{source}/{name}", path, ours, taken)
    if not os.listdir(target):  # noqa: PTH208
        os.rmdir(target)  # noqa: PTH106


def put_back(place: str, kept: str) -> None:
    """Bring a file or folder of the host back; raises BuildError if something is in its place."""
    if os.path.lexists(kept):
        os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
        put(kept, place)


def bytecode_of(place: str) -> Iterator[str]:
    """Give the bytecode that Python keeps of a source file (PEP 3147), as far as there is any."""
    folder, name = os.path.split(place)
    stem, ending = os.path.splitext(name)  # noqa: PTH122
    if ending != ".py":
        return
    cache = f"{folder}/{CACHE}"
    try:
        names = os.listdir(cache)  # noqa: PTH208
    except OSError:
        return
    for found in sorted(names):
        if found.startswith(f"{stem}.") and found.endswith(BYTECODE):
            yield f"{cache}/{found}"


def foreign_in(folder: str, ours: Callable[[str], bool]) -> Iterator[str]:
    """Give the files and links in a folder that are neither ours nor bytecode."""
    for inside, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(f"{inside}/{name}")]  # noqa: PTH114
        for name in (*files, *links):
            path = f"{inside}/{name}".replace(os.sep, "/")
            if not ours(path) and not _is_bytecode(path):
                yield path


def _put_folder(source: str, target: str) -> None:
    if not os.path.lexists(target):
        try:
            os.rename(source, target)  # noqa: PTH104 - the call itself is the point
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # A folder from a lower layer of a container's file system cannot be renamed, only what is in it.
            os.mkdir(target)  # noqa: PTH102
        else:
            return
    if not os.path.isdir(target):  # noqa: PTH112 - a link to a folder will do
        raise _in_the_way(target)
    found = os.lstat(source)
    for name in sorted(os.listdir(source)):  # noqa: PTH208
        put(f"{source}/{name}", f"{target}/{name}")
    shutil.copystat(source, target)
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
    os.rmdir(source)  # noqa: PTH106


def _take_file(source: str, target: str, ours: Callable[[str], bool], taken: Taken) -> None:
    if not ours(target):
        taken.foreign.append(target)
        return
    if os.path.lexists(source):
        if not _same(source, target):
            return  # it never came into place: there is the file of the host that was to make way
        os.unlink(target)  # cut off between link and unlink
    else:
        os.rename(target, source)  # noqa: PTH104
    for path in bytecode_of(target):
        os.unlink(path)


def _is_bytecode(path: str) -> bool:
    return path.endswith(BYTECODE) and os.path.isfile(path)  # noqa: PTH113


def _is_folder(path: str) -> bool:
    return stat.S_ISDIR(os.lstat(path).st_mode)


def _same(one: str, other: str) -> bool:
    first, second = os.lstat(one), os.lstat(other)
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


def _in_the_way(place: str) -> BuildError:
    return BuildError(
        f"{place} is in the way",
        cause="it was not there when the plan was made, and lockhouse did not put it there",
        hints=[Hint("plan-again", "find out whose it is; then run the command again: it looks at the host anew")],
    )
