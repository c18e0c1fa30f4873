"""What the rules of the scan want to know of a wheel, read once for each sha256 and then remembered for all projects.

The facts are those of a wheel that was judged and found safe (:mod:`lockhouse.wheels.wheelfile`); of one that was not
there are none. Nothing in them depends on a plan, a target or a machine.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal

import lockhouse
from lockhouse.errors import StorageError
from lockhouse.extensions import Extension
from lockhouse.project import cache_directory
from lockhouse.state import read_value, write_value
from lockhouse.values import dataclass
from lockhouse.wheels.commands import EntryPoint
from lockhouse.wheels.metadata import Metadata

__all__ = ["READER", "StartUpHook", "WheelFacts", "current_facts", "known_facts", "recall_facts", "remember_facts"]

READER = f"{lockhouse.__version__}/3"
"""Who read the facts. Raise the number whenever a wheel is read, or judged, differently: older facts are read anew."""

SCHEMA = "facts"

WINDOWS = os.name == "nt"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUpHook:
    """A file that every start of the interpreter looks at. ``text`` is what it would run, or the path it would add.

    ``kind``: a line of a ``.pth`` file that is ``code``, or one that is a ``path``; or a whole ``module``
    (``sitecustomize``, ``usercustomize``). See the documentation of Python's module ``site``.
    """

    path: str
    kind: Literal["code", "path", "module"]
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class WheelFacts:
    """Facts about a wheel. Paths are those in the wheel; sizes in bytes, ``size`` that of all files unpacked.

    ``modules`` are the names of top-level modules and packages, ``namespaces`` of top-level folders that hold modules
    but are no package of their own. ``contents`` has a line for each file that an installation brings: its sha256 in
    hex, a space, its path. ``windows``: names that Windows cannot have were refused as well.
    """

    reader: str
    filename: str
    windows: bool
    name: str
    version: str
    purelib: bool
    dist_info: str
    data_dir: str
    metadata: Metadata
    size: int
    modules: tuple[str, ...]
    namespaces: tuple[str, ...]
    roots: tuple[str, ...]
    elsewhere: tuple[str, ...]
    commands: tuple[EntryPoint, ...]
    hooks: tuple[StartUpHook, ...]
    extensions: tuple[Extension, ...]
    contents: str

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """The sha256 of each file that an installation brings, by its path in the wheel."""
        rows = (line.partition(" ") for line in self.contents.split("\n"))
        return {path: digest for digest, _, path in rows if path}


def known_facts(path: Path, sha256: str) -> WheelFacts:
    """Give the facts about a wheel with that hash, remembered or read now; raise UnsafeWheel, StorageError."""
    known = current_facts(path, sha256)
    if known is not None:
        return known
    from lockhouse.wheels.gathering import gather_facts

    facts = gather_facts(path, windows=WINDOWS)
    remember_facts(sha256, facts)
    return facts


def current_facts(path: Path, sha256: str) -> WheelFacts | None:
    """Return what is remembered of a wheel with that hash and name, as it would be read now, or None."""
    known = recall_facts(sha256)
    if known is not None and (known.reader, known.filename, known.windows) == (READER, path.name, WINDOWS):
        return known
    return None


def recall_facts(sha256: str) -> WheelFacts | None:
    """Return what is remembered of the wheel with that hash, by whatever reader, or None."""
    return read_value(_path(sha256), WheelFacts, SCHEMA)


def remember_facts(sha256: str, facts: WheelFacts) -> None:
    """Remember facts; a cache that cannot be written is no reason to fail."""
    with contextlib.suppress(StorageError):
        write_value(_path(sha256), facts, SCHEMA)


def _path(sha256: str) -> Path:
    return cache_directory() / "facts" / "v1" / sha256[:2] / f"{sha256}.json"
