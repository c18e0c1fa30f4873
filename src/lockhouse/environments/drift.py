"""Drift: what in an environment is not what was sealed. Nothing to do means proven, not assumed.

The quick proof goes through every folder and asks for every file. One that has the inode, the size and the times of the
witness is the sealed one. Whatever cannot be vouched for in that way is hashed, and what turned out to be right can be
remembered. The deep proof takes nobody's word and hashes everything. docs/security.md says what each of them can miss.
"""

from __future__ import annotations

import os
import stat
from array import array
from dataclasses import dataclass, field

from lockhouse.environments.generations import Generation
from lockhouse.environments.seal import MODE, SEAL, Seal, Witness, read_seal, read_witness, write_witness
from lockhouse.environments.sealing import SKIP
from lockhouse.environments.tree import close_folder, hash_files, open_folder, readable, stat_entry
from lockhouse.events import Emit, Progress, discard
from lockhouse.evidence import Drift

__all__ = ["find_drift"]

KIND = stat.S_IFMT(0o177777) | MODE


@dataclass(slots=True)
class _Look:
    """What a look at every file found; paths are relative, with ``/``.

    ``doubtful`` are files whose content decides, by path: the place in the seal's columns and what the disk says now.
    """

    modified: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    extra: set[str] = field(default_factory=set)
    doubtful: dict[str, tuple[int, os.stat_result]] = field(default_factory=dict)


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

    This is :func:`~lockhouse.environments.tree.scan` once more, with as little as possible done for each file: most of
    its time is the kernel's then.
    """
    root = generation.path
    links = dict(seal.links)
    folders = _expected(seal, witness)
    look = _Look()
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        files = folders.pop(prefix, None) or {}
        handle = open_folder(f"{root}/{prefix}")
        try:
            with os.scandir(handle) as entries:
                for entry in entries:
                    name = entry.name
                    sealed = files.pop(name, None)
                    if sealed is None:
                        if not entry.is_dir(follow_symlinks=False):
                            _look_at_link(generation, prefix + name, entry, links, look)
                        elif prefix or name not in SKIP:
                            waiting.append(f"{prefix}{name}/")
                        continue
                    index, mode, size, inode, mtime, ctime = sealed
                    found = stat_entry(root, prefix + name, entry)
                    if found.st_mode & KIND != mode or found.st_size != size:
                        if stat.S_ISDIR(found.st_mode):
                            look.missing.add(prefix + name)
                            waiting.append(f"{prefix}{name}/")
                        else:
                            look.modified.add(prefix + name)
                    elif found.st_mtime_ns != mtime or found.st_ino != inode or (ctime and found.st_ctime_ns != ctime):
                        look.doubtful[prefix + name] = index, found
        finally:
            close_folder(handle)
        if files:
            look.missing.update(prefix + name for name in files)
    look.missing.update(prefix + name for prefix, files in folders.items() for name in files)
    look.missing.update(links)
    return look


def _expected(seal: Seal, witness: Witness | None) -> dict[str, dict[str, tuple[int, ...]]]:
    """Return for each folder what is compared, by name: place in the columns, mode, size, inode, mtime, ctime."""
    count = len(seal)
    nothing = [-1] * count
    columns = (witness.inodes, witness.mtimes, witness.ctimes) if witness else (nothing, nothing, nothing)
    modes = [stat.S_IFREG | mode for mode in seal.modes]
    rows = zip(range(count), modes, seal.sizes, *columns, strict=True)
    # The names come first: zip takes no row more than there are names.
    return {
        prefix: dict(zip(names, rows, strict=False)) for prefix, names in zip(seal.folders, seal.names, strict=True)
    }


def _look_at_link(
    generation: Generation, path: str, entry: os.DirEntry[str], links: dict[str, str], look: _Look
) -> None:
    target = links.pop(path, None)
    if target is None:
        look.extra.add(path)
    elif not entry.is_symlink() or os.readlink(generation.path / path) != target:  # noqa: PTH115
        look.modified.add(path)


def _hash_doubtful(generation: Generation, seal: Seal, look: _Look, emit: Emit, step: str) -> set[str]:
    if not look.doubtful:
        return set()
    files = [(path, found.st_size) for path, (_, found) in look.doubtful.items()]

    def advanced(done: int) -> None:
        emit(Progress(step=step, item="comparing", done=done, total=len(files), unit="files"))

    hashes = hash_files(generation.path, files, advanced)
    return {path for path, (index, _) in look.doubtful.items() if hashes[path] != seal.sha256(index)}


def _remember(generation: Generation, seal: Seal, witness: Witness | None, look: _Look) -> None:
    """Let the witness vouch for the files that were hashed and found right, as they were before they were read."""
    count = len(seal)
    inodes = array("Q", witness.inodes if witness else bytes(8 * count))
    mtimes = array("q", witness.mtimes if witness else bytes(8 * count))
    ctimes = array("q", witness.ctimes if witness else bytes(8 * count))
    for index, found in look.doubtful.values():
        inodes[index], mtimes[index] = found.st_ino, found.st_mtime_ns
        ctimes[index] = found.st_ctime_ns if found.st_nlink == 1 else 0
    assert generation.seal is not None
    write_witness(generation.path, Witness(inodes=inodes, mtimes=mtimes, ctimes=ctimes), generation.seal)


def _names(paths: set[str]) -> tuple[str, ...]:
    return tuple(sorted(readable(path) for path in paths))
