"""Linking: files of the store appear in an environment, as clones, as hard links or as copies.

Which of them is decided once for each pair of file systems and remembered in the store. A hard link shares its file
with the store and with every other environment: nothing may write to it. Clones and copies are the environment's own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from lockhouse.store.cloning import clone
from lockhouse.store.soundness import DIRECTORY, Written, has_changed

__all__ = ["Conflict", "Damage", "LinkMode", "Transfer", "link_mode", "link_tree"]

LinkMode = Literal["clone", "hardlink", "copy"]

BLOCK = 1 << 20
# This file cannot be linked: too many links of it, another file system below, or a file system that has none.
UNLINKABLE = frozenset({errno.EMLINK, errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP})

Link = Callable[..., None]
Duplicate = Callable[[str, str, int], None]


class Conflict(NamedTuple):
    """A file that could not be brought because something is there already."""

    source: str
    target: str
    name: str


class Damage(NamedTuple):
    """Files of a folder of the store are not those that were written there, or not there.

    ``tried`` is how many of a transfer's names had their turn before that was found: no other file can have come.
    """

    tried: int


class Transfer(NamedTuple):
    """Files of one folder of the store for one folder of an environment, which exists. ``modes`` as in Entry.

    With ``written`` they are looked at while they are brought: the kernel has them at hand then.
    """

    source: str
    target: str
    names: Sequence[str]
    modes: Sequence[int]
    written: Written | None = None


def link_mode(source: Path, target: Path, wish: str = "auto") -> LinkMode:
    """Decide by trying how files of ``source``, a folder of the store, get into ``target``, an existing folder.

    ``wish`` is ``environment.link-mode`` of the manifest. What was wished for and does not work here becomes the next
    best: clone, hard link, copy.
    """
    token = secrets.token_hex(8)
    original, trial = source / f".trial-{token}", target / f".trial-{token}"
    order: tuple[LinkMode, ...] = ("clone", "hardlink", "copy")
    if wish != "auto":
        order = (*(mode for mode in order if mode == wish), "copy")
    try:
        original.write_bytes(b"lockhouse")
        for mode in order:
            try:
                if mode == "clone":
                    clone(str(original), str(trial), 0o644)
                elif mode == "hardlink":
                    os.link(original, trial)
            except OSError:
                continue
            return mode
    finally:
        for path in (trial, original):
            with contextlib.suppress(OSError):
                path.unlink()
    return "copy"


def link_tree(transfers: Sequence[Transfer], mode: LinkMode, *, link: Link = os.link) -> Iterator[Conflict | Damage]:
    """Bring files into folders; give those for which there was no place, and the folders whose files are damaged.

    ``link`` is the seam for tests: the kernel's own call. Raises OSError when the file system refuses, or when a source
    that is not looked at is gone. One call of the kernel per file and one to look at it, and two per folder so that it
    resolves short paths only.
    """
    for transfer in transfers:
        if mode == "hardlink":
            tried = yield from _linked(transfer, link)
        elif _is_damaged(transfer):
            tried = 0
        else:
            tried = yield from _duplicated(transfer, clone if mode == "clone" else copy)
        if tried is not None:
            yield Damage(tried)


_Trying = Generator[Conflict, None, int | None]
"""Gives conflicts, and in the end None, or how many files had their turn where the store's folder is damaged."""


def _linked(transfer: Transfer, link: Link) -> _Trying:
    if os.link not in os.supports_dir_fd:
        return (yield from _one_by_one(transfer, lambda index, name: _link_one(transfer, index, name, link)))
    try:
        source = os.open(transfer.source, DIRECTORY)
    except OSError:
        if _is_damaged(transfer):
            return 0
        raise
    try:
        target = os.open(transfer.target, DIRECTORY)
        try:
            for index, name in enumerate(transfer.names):
                try:
                    link(name, name, src_dir_fd=source, dst_dir_fd=target)
                except OSError:
                    try:
                        yield from _link_one(transfer, index, name, link)
                    except OSError:
                        if _is_damaged(transfer):
                            return index
                        raise
        finally:
            os.close(target)
        # The kernel has the files at hand now.
        if transfer.written and has_changed(transfer.source, transfer.names, transfer.written, source):
            return len(transfer.names)
    finally:
        os.close(source)
    return None


def _link_one(transfer: Transfer, index: int, name: str, link: Link) -> Iterator[Conflict]:
    source, target = f"{transfer.source}/{name}", f"{transfer.target}/{name}"
    try:
        link(source, target)
    except FileExistsError:
        # Somebody who was killed may have brought it already.
        if not os.path.samestat(os.lstat(source), os.lstat(target)):
            yield Conflict(transfer.source, transfer.target, name)
    except OSError as error:
        if error.errno not in UNLINKABLE:
            raise
        yield from _duplicate_one(transfer, index, name, copy)


def _duplicated(transfer: Transfer, duplicate: Duplicate) -> _Trying:
    return (yield from _one_by_one(transfer, lambda index, name: _duplicate_one(transfer, index, name, duplicate)))


def _one_by_one(transfer: Transfer, bring: Callable[[int, str], Iterator[Conflict]]) -> _Trying:
    for index, name in enumerate(transfer.names):
        try:
            yield from bring(index, name)
        except OSError:
            if _is_damaged(transfer):
                return index
            raise
    return len(transfer.names) if _is_damaged(transfer) else None


def _duplicate_one(transfer: Transfer, index: int, name: str, duplicate: Duplicate) -> Iterator[Conflict]:
    mode = 0o755 if transfer.modes[index] else 0o644
    try:
        duplicate(f"{transfer.source}/{name}", f"{transfer.target}/{name}", mode)
    except FileExistsError:
        yield Conflict(transfer.source, transfer.target, name)


def _is_damaged(transfer: Transfer) -> bool:
    return transfer.written is not None and has_changed(transfer.source, transfer.names, transfer.written)


def copy(source: str, target: str, mode: int) -> None:
    """Copy a file with the time of the store's, by the kernel where it can; FileExistsError where one is already."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    reading = os.open(source, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        writing = os.open(target, flags, mode)
        try:
            try:
                _pour(reading, writing)
                if hasattr(os, "fchmod"):
                    os.fchmod(writing, mode)  # whatever the umask
            finally:
                os.close(writing)
        except BaseException:
            os.unlink(target)
            raise
        mtime = os.fstat(reading).st_mtime_ns
    finally:
        os.close(reading)
    os.utime(target, ns=(mtime, mtime))


def _pour(reading: int, writing: int) -> None:
    if hasattr(os, "copy_file_range"):
        try:
            while os.copy_file_range(reading, writing, 1 << 30):
                pass
            return
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            os.lseek(reading, 0, os.SEEK_SET)
            os.lseek(writing, 0, os.SEEK_SET)
    while block := os.read(reading, BLOCK):
        view = memoryview(block)
        while view:
            view = view[os.write(writing, view) :]
