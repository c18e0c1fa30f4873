"""The files of a folder as they are on disk: walked without following links, hashed in parallel."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from lockhouse.sharing import share
from lockhouse.values import dataclass

__all__ = ["Tree", "close_folder", "hash_files", "measure", "open_folder", "readable", "scan", "stat_entry", "walk"]

BLOCK = 1024 * 1024
NOTHING: Mapping[str, Callable[[str], bool]] = {}
FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
OPENING = 20_000
"""Bytes that are hashed in the time that it takes to open a file and close it."""

WORTH_A_PROCESS = 8 * 1024 * 1024
"""Bytes whose hashing takes longer than starting a process."""

MOST = 8
"""Cores that hash: more would wait for the disk."""


@dataclass(slots=True)
class Tree:
    """What a walk found; keys are paths relative to its root, with ``/``.

    ``others`` are things that are neither file, link nor folder. Folders are implied by what they hold.
    """

    files: dict[str, os.stat_result] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)


def walk(root: Path) -> Tree:
    """List a folder and all below it. Links are listed, never followed."""
    tree = Tree()
    for prefix, entries in scan(root):
        for entry in entries:
            path = prefix + entry.name
            if entry.is_symlink():
                tree.links[path] = os.readlink(f"{root}/{path}")  # noqa: PTH115
            elif entry.is_file(follow_symlinks=False):
                tree.files[path] = stat_entry(root, path, entry)
            else:
                tree.others.append(path)
    return tree


def scan(
    root: Path,
    skip: Mapping[str, Callable[[str], bool]] = NOTHING,
    begin: Iterable[str] = ("",),
    known: Container[str] = (),
) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Go through a folder and all below it, never through links; ``skip`` says by folder which names it leaves out.

    Gives each folder as prefix of the paths in it, empty or with ``/`` at its end, and what it holds besides folders;
    that can be asked for its ``stat`` until the next one is wanted. Begins with the folders ``begin``, and leaves out
    the ``known`` ones that it meets on its way.
    """
    waiting = list(begin)
    while waiting:
        prefix = waiting.pop()
        found = []
        leave_out = skip.get(prefix)
        handle = open_folder(f"{root}/{prefix}")
        try:
            with os.scandir(handle) as entries:
                for entry in entries:
                    if leave_out is not None and leave_out(entry.name):
                        continue
                    if not entry.is_dir(follow_symlinks=False):
                        found.append(entry)
                    elif (folder := f"{prefix}{entry.name}/") not in known:
                        waiting.append(folder)
            yield prefix, found
        finally:
            close_folder(handle)


def open_folder(path: str) -> int | str:
    """Open a folder for :func:`os.scandir`, as a descriptor where that works.

    With one the kernel resolves one name for each file that is asked for, instead of ten: a sixth of the time of all.
    """
    return os.open(path, FOLDER) if os.scandir in os.supports_fd else path


def close_folder(handle: int | str) -> None:
    """Close what :func:`open_folder` gave."""
    if isinstance(handle, int):
        os.close(handle)


def stat_entry(root: Path, path: str, entry: os.DirEntry[str]) -> os.stat_result:
    """Ask for an entry of :func:`scan`; ``path`` is that relative to ``root``."""
    # On Windows the listing of a folder holds no inode number.
    return os.lstat(f"{root}/{path}") if os.name == "nt" else entry.stat(follow_symlinks=False)


def hash_files(root: Path, files: Sequence[tuple[str, int]], advanced: Callable[[int], None]) -> dict[str, str | None]:
    """Sha256 (hex) of files given as relative path and size in bytes; None for one that cannot be read.

    ``advanced`` is told, in the calling thread, about how many files are done. Memory is bounded by a block for each
    core.
    """

    def hash_all(some: Sequence[tuple[str, int]]) -> dict[str, str | None]:
        return {path: _hash(f"{root}/{path}") for path, _ in some}

    weights = [size + OPENING for _, size in files]
    total = sum(weights) or 1
    # Most files are small: threads would wait for the interpreter's lock, and take three times as long.
    shares = share(
        hash_all,
        files,
        weights,
        WORTH_A_PROCESS,
        lambda begun: advanced(len(files) * begun // total),
        threads=min(MOST, (os.cpu_count() or 1) + 1),  # one more than can compute, for those that wait for the disk
        most=MOST,
    )
    result: dict[str, str | None] = {}
    for hashes in shares:
        result |= hashes
    return result


def _hash(path: str) -> str | None:
    digest = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - thousands of them: a Path each is a tenth of the time
            while block := file.read(BLOCK):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()


def measure(root: Path, *, own: bool = False) -> int:
    """Bytes of the files in a folder, each counted once however many names it has there.

    ``own``: only files that have no other name, here or elsewhere: what becomes free when the folder goes.
    """
    sizes = {
        (found.st_dev, found.st_ino): found.st_size for found in _stats(str(root)) if not own or found.st_nlink == 1
    }
    return sum(sizes.values())


def _stats(folder: str) -> Iterator[os.stat_result]:
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(parent, name))  # noqa: PTH118
            except FileNotFoundError:
                continue  # somebody else removes it
            if stat.S_ISREG(found.st_mode):
                yield found


def readable(path: str) -> str:
    """Return a path as text that can be printed and encoded, whatever bytes its name has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
