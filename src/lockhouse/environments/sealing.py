"""Taking the seal of a finished environment, once, when nothing writes to it any more.

What the store has hashed is not hashed again: a file that is still the one that was linked or copied from there has the
hash that is known of it. Everything else, scripts, RECORD and what plugins made, is read.
"""

from __future__ import annotations

import contextlib
import errno
import os
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lockhouse.columns import INODE, join
from lockhouse.cores import spread
from lockhouse.environments.links import is_link
from lockhouse.environments.seal import MODE, OWN, Seal, SealedLink, Witness, is_passing
from lockhouse.environments.tree import close_folder, hash_files, open_folder, readable, scan, stat_entry
from lockhouse.errors import BuildError
from lockhouse.events import Emit, Progress, discard
from lockhouse.values import dataclass

__all__ = ["Files", "Origins", "Row", "Sealing", "seal_tree"]

BYTECODE = (".pyc", ".pyo")
CACHE = "__pycache__"
NO_FOLDER = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})

WORTH_A_PROCESS = 2000
"""Files whose listing takes as long as starting a process."""


class Row(NamedTuple):
    """What is known of a file: the bits of :data:`MODE`, bytes, 32 bytes of sha256, and what the witness tells of it.

    ``sha256`` is None where it has to be read. An ``inode`` of :data:`INODE` is taken for that of no file.
    """

    mode: int
    size: int
    sha256: bytes | None
    inode: int
    mtime_ns: int
    ctime_ns: int


class Files(NamedTuple):
    """What is known of the files of one folder: names, sorted, and columns in their order, as in Row and in Seal."""

    names: tuple[str, ...]
    modes: array[int]
    sizes: array[int]
    hashes: bytes
    inodes: array[int]
    mtimes: array[int]
    ctimes: array[int]

    def rows(self) -> dict[str, Row]:
        """The files one by one, by name."""
        digests = (self.hashes[start : start + 32] for start in range(0, len(self.hashes), 32))
        return dict(zip(self.names, map(Row._make, zip(*self[1:3], digests, *self[4:], strict=True)), strict=True))

    @classmethod
    def of(cls, rows: Mapping[str, Row], hashes: Mapping[str, bytes] | None = None) -> Files:
        """Put rows together; ``hashes`` tells the sha256 of those whose row does not."""
        names = tuple(sorted(rows))
        ordered = [rows[name] for name in names]
        sha256 = (row.sha256 or (hashes or {})[name] for name, row in zip(names, ordered, strict=True))
        return cls(
            names,
            array("H", (row.mode for row in ordered)),
            array("Q", (row.size for row in ordered)),
            b"".join(sha256),
            array("Q", (row.inode for row in ordered)),
            array("q", (row.mtime_ns for row in ordered)),
            array("q", (row.ctime_ns for row in ordered)),
        )


Origins = Mapping[str, Files]
"""What came from the store: by folder, as the prefix of its files' paths (empty or with ``/`` at its end)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """A seal, its witness, and how many bytecode files were removed."""

    seal: Seal
    witness: Witness
    removed: int


def seal_tree(
    root: Path,
    origins: Origins | None = None,
    *,
    purge: bool = False,
    emit: Emit = discard,
    step: str = "purge",
) -> Sealing:
    """Go through the environment at ``root`` once and take its seal; writes nothing.

    With ``purge`` all bytecode that is not in ``origins`` is removed on the way. Raises BuildError if a file cannot be
    read, or if something is neither file, link nor folder.
    """
    origins = origins or {}
    folders: list[tuple[str, Files | dict[str, Row]]] = []
    links: list[SealedLink] = []
    others: list[str] = []
    unknown: list[tuple[str, int]] = []
    caches: list[str] = []
    removed = 0
    very, begin = _find_the_very(root, origins)
    folders += very
    for prefix, entries in scan(root, {OWN: is_passing}, begin, origins):
        files = origins.get(prefix)
        in_cache = CACHE in prefix.split("/")
        if in_cache:
            caches.append(prefix)
        known = files.rows() if files is not None else {}
        rows: dict[str, Row] = {}
        for entry in entries:
            name = entry.name
            origin = known.get(name)
            if purge and origin is None and (in_cache or name == CACHE or name.endswith(BYTECODE)):
                os.unlink(f"{root}/{prefix}{name}")
                removed += 1
            elif origin is not None and INODE != origin.inode == entry.inode() & INODE:
                rows[name] = origin
            elif entry.is_symlink():
                links.append(SealedLink(prefix + name, os.readlink(f"{root}/{prefix}{name}")))  # noqa: PTH115
            elif entry.is_file(follow_symlinks=False):
                row = _row(stat_entry(root, prefix + name, entry), origin)
                if row.sha256 is None:
                    unknown.append((prefix + name, row.size))
                rows[name] = row
            else:
                others.append(prefix + name)
        if rows:
            folders.append((prefix, rows))
    if others:
        raise BuildError(f"{root} holds something that cannot be sealed", cause=", ".join(map(readable, others)))
    if purge:
        for prefix in sorted(caches, reverse=True):
            with contextlib.suppress(OSError):  # sealed bytecode is in it
                os.rmdir(f"{root}/{prefix}")  # noqa: PTH106
    # What lies behind a link that took a folder's place is not there.
    hidden = tuple(f"{link.path}/" for link in links)
    folders = [(prefix, files) for prefix, files in folders if not prefix.startswith(hidden)]
    hashes = _hash(root, unknown, emit, step)
    return _sealing(sorted(folders, key=lambda item: item[0]), hashes, tuple(sorted(links)), removed)


def _find_the_very(root: Path, origins: Origins) -> tuple[list[tuple[str, Files]], list[str]]:
    """Give the folders that hold just the files of the store that they should, and those to be gone through.

    These are the other ones of ``origins``, and the first on the way to all that is not of them.
    """

    def look(prefixes: Sequence[str]) -> tuple[list[str], list[str]]:
        very, rest = [], []
        for prefix in prefixes:
            try:
                found = _below_the_very(root, prefix, origins)
            except OSError as error:
                if error.errno in NO_FOLDER:
                    continue  # whoever goes through the folder above sees what became of it
                found = None  # whoever goes through it says why that cannot be done
            if found is None:
                rest.append(prefix)
            else:
                very.append(prefix)
                rest += found
        return very, rest

    counts = [len(files.names) for files in origins.values()]
    shares = spread(look, list(origins), counts, WORTH_A_PROCESS)
    begin = _without_links(root, [prefix for _, rest in shares for prefix in rest])
    if "" not in origins:
        begin.append("")
    return [(prefix, origins[prefix]) for very, _ in shares for prefix in very], begin


def _below_the_very(root: Path, prefix: str, origins: Origins) -> list[str] | None:
    """Give the folders in one that are none of ``origins``; None if its files are not just those of the store.

    They are the very same by their inodes. Whether they still are what they were was looked at when they were linked,
    and the proof will tell.
    """
    files = origins[prefix]
    if INODE in files.inodes:
        return None  # it was copied
    entries: dict[str, int] = {}
    rest = []
    path = f"{root}/{prefix[:-1]}"
    handle = open_folder(path)
    if isinstance(handle, str) and is_link(Path(path)):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    try:
        with os.scandir(handle) as found:
            for entry in found:
                if not entry.is_dir(follow_symlinks=False):
                    entries[entry.name] = entry.inode() & INODE
                elif (folder := f"{prefix}{entry.name}/") not in origins:
                    rest.append(folder)
    finally:
        close_folder(handle)
    same = len(entries) == len(files.names) and entries == dict(zip(files.names, files.inodes, strict=True))
    return rest if same else None


def _without_links(root: Path, prefixes: Iterable[str]) -> list[str]:
    """Leave out folders that lie behind a link which took a folder's place: nothing there is to be touched."""
    behind: dict[str, bool] = {"": False}

    def is_behind(path: str) -> bool:
        if path not in behind:
            behind[path] = is_behind(path.rpartition("/")[0]) or is_link(root / path)
        return behind[path]

    return [prefix for prefix in prefixes if not is_behind(prefix[:-1])]


def _row(found: os.stat_result, origin: Row | None) -> Row:
    """Describe a file that is no hard link of the store; its hash is known if it is the untouched copy."""
    same = origin is not None and (found.st_size, found.st_mtime_ns) == (origin.size, origin.mtime_ns)
    ctime = found.st_ctime_ns if found.st_nlink == 1 else 0
    sha256 = origin.sha256 if origin and same else None
    return Row(found.st_mode & MODE, found.st_size, sha256, found.st_ino & INODE, found.st_mtime_ns, ctime)


def _hash(root: Path, files: list[tuple[str, int]], emit: Emit, step: str) -> dict[str, dict[str, bytes]]:
    """Give hashes of files by folder and by name."""

    def advanced(done: int) -> None:
        emit(Progress(step=step, item="sealing", done=done, total=len(files), unit="files"))

    hashes: dict[str, dict[str, bytes]] = {}
    for path, sha256 in hash_files(root, files, advanced).items():
        if sha256 is None:
            raise BuildError(f"{root} cannot be sealed", cause=f"{readable(path)} cannot be read")
        folder, slash, name = path.rpartition("/")
        hashes.setdefault(folder + slash, {})[name] = bytes.fromhex(sha256)
    return hashes


def _sealing(
    folders: Sequence[tuple[str, Files | dict[str, Row]]],
    hashes: Mapping[str, Mapping[str, bytes]],
    links: tuple[SealedLink, ...],
    removed: int,
) -> Sealing:
    shares = [item if isinstance(item, Files) else Files.of(item, hashes.get(prefix)) for prefix, item in folders]
    return Sealing(
        seal=Seal(
            folders=tuple(prefix for prefix, _ in folders),
            names=tuple(files.names for files in shares),
            modes=join("H", (files.modes for files in shares)),
            sizes=join("Q", (files.sizes for files in shares)),
            hashes=b"".join(files.hashes for files in shares),
            links=links,
        ),
        witness=Witness(
            inodes=join("Q", (files.inodes for files in shares)),
            mtimes=join("q", (files.mtimes for files in shares)),
            ctimes=join("q", (files.ctimes for files in shares)),
        ),
        removed=removed,
    )
