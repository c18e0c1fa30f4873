"""The seal: every file of a finished environment, so that any later change can be told.

A seal is taken once, when nothing writes to the environment any more. The marker of the generation holds the seal's own
sha256: who edits the seal together with a file is noticed too.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lockhouse.environments.generations import METADATA, Generation
from lockhouse.environments.tree import Tree, hash_files, readable, walk
from lockhouse.errors import BuildError
from lockhouse.events import Emit, Progress, discard
from lockhouse.evidence import Drift
from lockhouse.state import write_atomically

__all__ = ["Seal", "SealedFile", "SealedLink", "find_drift", "read_seal", "seal_tree", "write_seal"]

SCHEMA = "lockhouse.seal/1"
FILE = f"{METADATA}/seal.json"
SKIP = frozenset({METADATA})
# Who may run a file, and as whom. That a group may read it is a matter of the machine, not of the environment.
MODE = 0o6111


class SealedFile(NamedTuple):
    """A regular file. ``mode`` are its permission bits, ``size`` is in bytes.

    A tuple and no dataclass: there are tens of thousands, and they are read at every run.
    """

    path: str
    mode: int
    size: int
    sha256: str
    mtime_ns: int
    inode: int


class SealedLink(NamedTuple):
    """A symbolic link and the text of its target."""

    path: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """Every file and link of an environment, sorted by path (relative, with ``/``); folders are implied."""

    files: tuple[SealedFile, ...]
    links: tuple[SealedLink, ...]


def seal_tree(root: Path, emit: Emit = discard, *, step: str = "purge") -> Seal:
    """Read every file of the environment at ``root`` and take its seal; writes nothing.

    Raises BuildError if a file cannot be read, or if something is neither file, link nor folder.
    """
    tree = walk(root, SKIP)
    if tree.others:
        raise BuildError(f"{root} holds something that cannot be sealed", cause=", ".join(map(readable, tree.others)))
    hashes = _hash(root, [(path, found.st_size) for path, found in tree.files.items()], emit, step, "sealing")
    files = []
    for path, found in sorted(tree.files.items()):
        sha256 = hashes[path]
        if sha256 is None:
            raise BuildError(f"{root} cannot be sealed", cause=f"{readable(path)} cannot be read")
        files.append(SealedFile(path, _mode(found), found.st_size, sha256, found.st_mtime_ns, found.st_ino))
    return Seal(files=tuple(files), links=tuple(SealedLink(*link) for link in sorted(tree.links.items())))


def write_seal(root: Path, seal: Seal) -> str:
    """Keep the seal inside its environment; return the sha256 that the generation's marker must hold."""
    document = {"schema": SCHEMA, "files": seal.files, "links": seal.links}
    data = json.dumps(document, separators=(",", ":")).encode()
    write_atomically(root / FILE, data)
    return hashlib.sha256(data).hexdigest()


def read_seal(root: Path, sha256: str | None) -> Seal | None:
    """Return the seal of an environment; None if there is none, or not the one with that ``sha256``."""
    try:
        data = (root / FILE).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            return None
        document = json.loads(data)
        if document["schema"] != SCHEMA:
            return None
        return Seal(
            files=tuple(map(SealedFile._make, document["files"])), links=tuple(map(SealedLink._make, document["links"]))
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find_drift(generation: Generation, deep: bool = True, emit: Emit = discard, *, step: str = "verify") -> Drift:
    """Compare an environment with its seal.

    ``deep`` hashes every file of the right size; otherwise a file whose size, time of change and inode are those of the
    seal counts as unchanged. An environment without its true seal cannot be proven: that is drift of the seal itself.
    """
    seal = read_seal(generation.path, generation.seal)
    if seal is None:
        if (generation.path / FILE).is_file():
            return Drift(modified=(FILE,))
        return Drift(missing=(FILE,))
    tree = walk(generation.path, SKIP)
    modified, doubtful = _compare(seal, tree, deep)
    hashes = _hash(generation.path, [(item.path, item.size) for item in doubtful], emit, step, "comparing")
    modified |= {item.path for item in doubtful if hashes[item.path] != item.sha256}
    sealed = {item.path for item in seal.files} | {link.path for link in seal.links}
    found = tree.files.keys() | tree.links.keys() | set(tree.others)
    return Drift(modified=_names(modified), missing=_names(sealed - found), extra=_names(found - sealed))


def _compare(seal: Seal, tree: Tree, deep: bool) -> tuple[set[str], list[SealedFile]]:
    """Return paths that differ for sure, and the files whose content has to be looked at."""
    others = tree.links.keys() | set(tree.others)
    modified = {item.path for item in seal.files if item.path in others}
    modified |= {
        link.path
        for link in seal.links
        if link.path in tree.files or link.path in tree.others or tree.links.get(link.path, link.target) != link.target
    }
    doubtful = []
    for item in seal.files:
        found = tree.files.get(item.path)
        if found is None:
            continue
        if found.st_size != item.size or (_mode(found) ^ item.mode) & MODE:
            modified.add(item.path)
        elif deep or (found.st_mtime_ns, found.st_ino) != (item.mtime_ns, item.inode):
            doubtful.append(item)
    return modified, doubtful


def _hash(root: Path, files: list[tuple[str, int]], emit: Emit, step: str, item: str) -> dict[str, str | None]:
    def advanced(done: int) -> None:
        emit(Progress(step=step, item=item, done=done, total=len(files), unit="files"))

    return hash_files(root, files, advanced)


def _mode(found: os.stat_result) -> int:
    return found.st_mode & 0o7777


def _names(paths: set[str]) -> tuple[str, ...]:
    return tuple(sorted(readable(path) for path in paths))
