"""The seal: every file of a finished environment, so that any later change can be told.

It is two files. The *seal* says what there is: paths, modes, sizes, hashes. The generation's marker holds its sha256:
who edits the seal together with a file is noticed too. The *witness* says how that looked on this disk: inodes and
times. It is but a shortcut: what it cannot vouch for is hashed (:mod:`lockhouse.environments.drift`).

Both are columns, one value per file and in the same order, because tens of thousands of files are read at every run: a
column is read fifty times faster than as many objects.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import field
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from lockhouse.columns import pack, unpack
from lockhouse.environments.generations import MARKER, METADATA
from lockhouse.environments.redirect import BYTECODE, DISCARDED
from lockhouse.state import TEMPORARY, write_atomically
from lockhouse.values import dataclass

__all__ = [
    "MODE",
    "OWN",
    "SEAL",
    "Seal",
    "SealedFile",
    "SealedLink",
    "Witness",
    "is_passing",
    "read_seal",
    "read_witness",
    "write_seal",
    "write_witness",
]

SCHEMA = "lockhouse.seal/2"
WITNESS_SCHEMA = "lockhouse.witness/1"
SEAL = f"{METADATA}/seal"
WITNESS = f"{METADATA}/witness"

OWN = f"{METADATA}/"
"""The folder of what lockhouse knows of an environment, as prefix of its files' paths. What is promised there is sealed
like everything else: the plan, what pip is constrained to, what the provider made, what came from the store."""

PASSING = frozenset({MARKER, SEAL, WITNESS, BYTECODE, DISCARDED, f"{OWN}verify.json"})
"""What is in that folder and cannot be sealed: it is written later, or is the seal. The marker holds the seal's sha256,
a proof that is lost or damaged counts as none, and bytecode is discarded by every proof."""

MODE = 0o6111
"""Who may run a file, and as whom. That a group may read it is a matter of the machine, not of the environment."""

# Names that are no text survive, on Windows too.
ENCODING = ("utf-8", "surrogatepass")


class SealedFile(NamedTuple):
    """A regular file. ``mode`` are the bits of :data:`MODE`, ``size`` is in bytes, ``sha256`` in hex."""

    path: str
    mode: int
    size: int
    sha256: str


class SealedLink(NamedTuple):
    """A symbolic link and the text of its target."""

    path: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """Every file and link of an environment.

    ``folders`` are those with files in them, sorted, each as the prefix of its files' paths (empty, or with ``/`` at
    its end), and ``names`` their files, sorted. ``modes`` (the bits of :data:`MODE`), ``sizes`` (bytes) and ``hashes``
    (32 bytes of sha256 each) have one value per file in that order. ``links`` are sorted by path.
    """

    folders: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    modes: Sequence[int]
    sizes: Sequence[int]
    hashes: bytes
    links: tuple[SealedLink, ...]

    def __len__(self) -> int:
        return len(self.sizes)

    def sha256(self, index: int) -> str:
        """The sha256 of the file at a place in the columns."""
        return self.hashes[index * 32 : index * 32 + 32].hex()

    @property
    def paths(self) -> Iterator[str]:
        """Paths of the files in the order of the columns, relative to the environment, with ``/``."""
        return (prefix + name for prefix, names in zip(self.folders, self.names, strict=True) for name in names)

    @property
    def files(self) -> tuple[SealedFile, ...]:
        """The files one by one, in the order of the columns."""
        columns = zip(self.paths, self.modes, self.sizes, range(len(self)), strict=True)
        return tuple(SealedFile(path, mode, size, self.sha256(index)) for path, mode, size, index in columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Inodes and times in nanoseconds, one value per file in the order of the seal.

    ``ctimes`` is 0 for a file with several names: every environment that shares it or ceases to changes that time.
    """

    inodes: Sequence[int] = field(default_factory=lambda: array("Q"))
    mtimes: Sequence[int] = field(default_factory=lambda: array("q"))
    ctimes: Sequence[int] = field(default_factory=lambda: array("q"))


def is_passing(name: str) -> bool:
    """Whether an entry of lockhouse's own folder is none that the seal speaks of."""
    return OWN + name in PASSING or name.startswith(TEMPORARY)


def write_seal(root: Path, seal: Seal, witness: Witness) -> str:
    """Keep a seal and its witness inside the environment; return the sha256 that the generation's marker must hold."""
    head = {
        "schema": SCHEMA,
        "folders": seal.folders,
        "counts": [len(names) for names in seal.names],
        "links": seal.links,
    }
    names = "\0".join(name for names in seal.names for name in names).encode(*ENCODING)
    columns = pack("H", seal.modes) + pack("Q", seal.sizes) + seal.hashes
    data = json.dumps(head, separators=(",", ":")).encode() + b"\n" + columns + names
    sha256 = hashlib.sha256(data).hexdigest()
    # Neither need survive a power cut: without them the environment counts as changed, or is hashed.
    write_atomically(root / SEAL, data, durable=False)
    write_witness(root, witness, sha256)
    return sha256


def write_witness(root: Path, witness: Witness, seal: str) -> None:
    """Keep a witness for the seal with that sha256."""
    columns = pack("Q", witness.inodes) + pack("q", witness.mtimes) + pack("q", witness.ctimes)
    write_atomically(root / WITNESS, _witness_head(columns, seal) + columns, durable=False)


def read_seal(root: Path, sha256: str | None) -> Seal | None:
    """Return the seal of an environment; None if there is none, or not the one with that ``sha256``."""
    try:
        data = (root / SEAL).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            return None
        start = data.index(b"\n") + 1
        head = json.loads(data[:start])
        if head["schema"] != SCHEMA:
            return None
        ends = list(accumulate(head["counts"]))
        count = ends[-1] if ends else 0
        hashes = start + 10 * count
        names = data[hashes + 32 * count :].decode(*ENCODING).split("\0")
        return Seal(
            folders=tuple(head["folders"]),
            names=tuple(tuple(names[begin:end]) for begin, end in zip([0, *ends], ends, strict=False)),
            modes=unpack("H", data[start : start + 2 * count]),
            sizes=unpack("Q", data[start + 2 * count : hashes]),
            hashes=data[hashes : hashes + 32 * count],
            links=tuple(map(SealedLink._make, head["links"])),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_witness(root: Path, seal: str, count: int) -> Witness | None:
    """Return the witness for the seal with that sha256 and number of files; None if there is none, or it is damaged."""
    try:
        head, _, columns = (root / WITNESS).read_bytes().partition(b"\n")
        if head + b"\n" != _witness_head(columns, seal) or len(columns) != 24 * count:
            return None
    except OSError:
        return None
    size = 8 * count
    return Witness(
        inodes=unpack("Q", columns[:size]),
        mtimes=unpack("q", columns[size : 2 * size]),
        ctimes=unpack("q", columns[2 * size :]),
    )


def _witness_head(columns: bytes, seal: str) -> bytes:
    return f"{WITNESS_SCHEMA} {seal} {hashlib.sha256(columns).hexdigest()}\n".encode()
