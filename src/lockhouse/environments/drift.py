"""Drift: what in an environment is not what was sealed. Nothing to do means proven, not assumed.

The quick proof goes through every folder and asks for every file. One that has the inode, the size and the times of the
witness is the sealed one. Whatever cannot be vouched for in that way is hashed, and what turned out to be right can be
remembered. The deep proof takes nobody's word and hashes everything. docs/security.md says what each of them can miss.
"""

from __future__ import annotations

import errno
import os
import stat
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, repeat
from pathlib import Path
from typing import NamedTuple

from lockhouse.columns import INODE
from lockhouse.cores import spread
from lockhouse.environments.generations import Generation
from lockhouse.environments.seal import (
    MODE,
    OWN,
    SEAL,
    Seal,
    Witness,
    is_passing,
    read_seal,
    read_witness,
    write_witness,
)
from lockhouse.environments.tree import close_folder, hash_files, open_folder, readable, stat_entry
from lockhouse.events import Emit, Progress, discard
from lockhouse.evidence import Drift
from lockhouse.values import dataclass

__all__ = ["find_drift"]

KIND = stat.S_IFMT(0o177777) | stat.S_IRUSR | MODE
READABLE = stat.S_IFREG | stat.S_IRUSR
"""What every sealed file is, besides its own mode."""

NO_FOLDER = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.EPERM})
"""What opening says where a folder is missing, is not to be entered, or a file or a link stands in its place."""

WORTH_A_PROCESS = 2000
"""Files whose look takes as long as starting a process."""


class _Doubt(NamedTuple):
    """A file whose content decides: its path, its place in the seal's columns, and what the disk says now."""

    path: str
    place: int
    size: int
    inode: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at every file found; paths are relative, with ``/``."""

    modified: set[str]
    missing: set[str]
    extra: set[str]
    doubtful: tuple[_Doubt, ...]


class _Seen(NamedTuple):
    """What a look at some folders found. ``links`` are those that are as they were sealed, ``gone`` lost folders."""

    modified: list[str]
    missing: list[str]
    extra: list[str]
    doubtful: list[Row]
    links: list[str]
    gone: list[str]


Row = tuple[str, int, int, int, int, int]
Answer = tuple[list[str], list[str], list[str], list[Row], list[str], list[str]]
"""A :class:`_Doubt` and a :class:`_Seen` as they come from another process."""


def find_drift(
    generation: Generation, deep: bool = True, emit: Emit = discard, *, step: str = "verify", remember: bool = False
) -> Drift:
    """Compare an environment with its seal.

    ``deep`` hashes every file; otherwise only those are that the witness cannot vouch for. With ``remember`` it vouches
    for those that were found right from then on. An environment without its true seal cannot be proven: that is drift
    of the seal itself.
    """
    seal = read_seal(generation.path, generation.seal)
    if seal is None or generation.seal is None:
        if (generation.path / SEAL).is_file():
            return Drift(modified=(SEAL,))
        return Drift(missing=(SEAL,))
    witness = read_witness(generation.path, generation.seal, len(seal))
    look = _look(generation, seal, None if deep else witness)
    wrong = _hash_doubtful(generation, seal, look, emit, step)
    if remember and look.doubtful and not wrong:
        _remember(generation, seal, witness, look)
    return Drift(
        modified=_names(look.modified | wrong),
        missing=_names(look.missing),
        extra=_names(look.extra),
    )


def _look(generation: Generation, seal: Seal, witness: Witness | None) -> _Look:
    """Go through the environment; without a witness everything that may be right is doubtful.

    All cores share the folders that there should be; whoever finds one that should not be there goes through it too.
    """
    folders = _Folders(generation.path, seal, witness)
    counts = [folders.count(prefix) + 1 for prefix in folders.prefixes]
    shares = [_Seen(*share) for share in spread(folders.look, folders.prefixes, counts, WORTH_A_PROCESS)]
    missing = {path for share in shares for path in share.missing}
    gone = tuple(prefix for share in shares for prefix in share.gone)
    if gone:
        missing.update(path for path in seal.paths if path.startswith(gone))
    missing.update(dict(seal.links).keys() - {path for share in shares for path in share.links})
    modified = {path for share in shares for path in share.modified} - missing
    return _Look(
        modified=modified,
        missing=missing - modified,
        extra={path for share in shares for path in share.extra},
        doubtful=tuple(_Doubt(*item) for share in shares for item in share.doubtful if item[0] not in missing),
    )


class _Folders:
    """Every folder that a seal knows, and how the files in it have to look."""

    def __init__(self, root: Path, seal: Seal, witness: Witness | None) -> None:
        self.root = root
        self.seal = seal
        self.witness = witness
        self.links = dict(seal.links)
        begins = accumulate(map(len, seal.names), initial=0)
        self._names = dict(zip(seal.folders, zip(seal.names, begins, strict=False), strict=True))
        self.prefixes = sorted({"", *seal.folders, *_above(seal.folders), *_above(self.links)})
        self._known = frozenset(self.prefixes)

    def count(self, prefix: str) -> int:
        """How many files a folder holds."""
        return len(self._names[prefix][0]) if prefix in self._names else 0

    def look(self, prefixes: Sequence[str]) -> Answer:
        """Look at folders.

        As little as possible is done for each file: most of the time is the kernel's then.
        """
        seen = _Seen([], [], [], [], [], [])
        for prefix in prefixes:
            waiting = [prefix]
            while waiting:
                waiting += self._look_into(waiting.pop(), seen)
        return seen.modified, seen.missing, seen.extra, seen.doubtful, seen.links, seen.gone

    def _look_into(self, prefix: str, seen: _Seen) -> list[str]:
        """Look at one folder; return those in it that should not be there."""
        files = self._expected(prefix)
        unknown = []
        try:
            # Without the slash at its end: else a link in its place would be followed.
            handle = open_folder(f"{self.root}/{prefix[:-1]}")
        except OSError as error:
            if error.errno not in NO_FOLDER:
                raise
            if prefix in self._known:
                seen.gone.append(prefix)
            else:
                seen.extra.append(prefix[:-1])
            return []
        try:
            with os.scandir(handle) as entries:
                for entry in entries:
                    name = entry.name
                    sealed = files.pop(name, None)
                    if sealed is None:
                        if prefix == OWN and is_passing(name):
                            continue
                        if not entry.is_dir(follow_symlinks=False):
                            self._look_at_link(prefix + name, entry, seen)
                        elif f"{prefix}{name}/" not in self._known:
                            unknown.append(f"{prefix}{name}/")
                        continue
                    index, mode, size, inode, mtime, ctime = sealed
                    try:
                        found = stat_entry(self.root, prefix + name, entry)
                    except OSError:  # gone meanwhile, or in a folder that may be listed and not entered
                        seen.missing.append(prefix + name)
                        continue
                    if found.st_mode & KIND != mode or found.st_size != size:
                        if stat.S_ISDIR(found.st_mode):
                            seen.missing.append(prefix + name)
                            unknown.append(f"{prefix}{name}/")
                        else:
                            seen.modified.append(prefix + name)
                        continue
                    now = found.st_ino & INODE
                    if found.st_mtime_ns != mtime or now != inode or (ctime and found.st_ctime_ns != ctime):
                        alone = found.st_ctime_ns if found.st_nlink == 1 else 0
                        seen.doubtful.append((prefix + name, index, size, now, found.st_mtime_ns, alone))
        finally:
            close_folder(handle)
        if files:
            seen.missing.extend(prefix + name for name in files)
        return unknown

    def _expected(self, prefix: str) -> dict[str, tuple[int, ...]]:
        """Return what is compared, by name: place in the columns, mode, size, inode, mtime, ctime."""
        names, begin = self._names.get(prefix, ((), 0))
        end = begin + len(names)
        witness = self.witness
        modes = [READABLE | mode for mode in self.seal.modes[begin:end]]
        rows: Iterator[tuple[int, ...]]
        if witness:
            columns = (witness.inodes[begin:end], witness.mtimes[begin:end], witness.ctimes[begin:end])
            rows = zip(range(begin, end), modes, self.seal.sizes[begin:end], *columns, strict=True)
        else:
            nothing = repeat(-1)
            rows = zip(range(begin, end), modes, self.seal.sizes[begin:end], nothing, nothing, nothing, strict=False)
        return dict(zip(names, rows, strict=True))

    def _look_at_link(self, path: str, entry: os.DirEntry[str], seen: _Seen) -> None:
        target = self.links.get(path)
        if target is None:
            seen.extra.append(path)
            return
        seen.links.append(path)
        if not entry.is_symlink() or os.readlink(f"{self.root}/{path}") != target:  # noqa: PTH115
            seen.modified.append(path)


def _above(paths: Iterable[str]) -> Iterator[str]:
    """Give the folders that paths lie in, each as often as it comes."""
    for path in paths:
        end = path.rstrip("/").rfind("/")
        while end >= 0:
            yield path[: end + 1]
            end = path.rfind("/", 0, end)


def _hash_doubtful(generation: Generation, seal: Seal, look: _Look, emit: Emit, step: str) -> set[str]:
    if not look.doubtful:
        return set()
    files = [(doubt.path, doubt.size) for doubt in look.doubtful]

    def advanced(done: int) -> None:
        emit(Progress(step=step, item="comparing", done=done, total=len(files), unit="files"))

    hashes = hash_files(generation.path, files, advanced)
    return {doubt.path for doubt in look.doubtful if hashes[doubt.path] != seal.sha256(doubt.place)}


def _remember(generation: Generation, seal: Seal, witness: Witness | None, look: _Look) -> None:
    """Let the witness vouch for the files that were hashed and found right, as they were before they were read."""
    count = len(seal)
    inodes = array("Q", witness.inodes if witness else bytes(8 * count))
    mtimes = array("q", witness.mtimes if witness else bytes(8 * count))
    ctimes = array("q", witness.ctimes if witness else bytes(8 * count))
    for doubt in look.doubtful:
        inodes[doubt.place], mtimes[doubt.place], ctimes[doubt.place] = doubt.inode, doubt.mtime_ns, doubt.ctime_ns
    assert generation.seal is not None
    write_witness(generation.path, Witness(inodes=inodes, mtimes=mtimes, ctimes=ctimes), generation.seal)


def _names(paths: set[str]) -> tuple[str, ...]:
    return tuple(sorted(readable(path) for path in paths))
