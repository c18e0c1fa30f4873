"""Generations: the environments of one manifest, each in a folder of its own that says what it is.

A generation's folder is the environment. Its marker, ``.lockhouse/generation.json`` inside, is what lets lockhouse tell
its own work from everybody else's: a folder without one is never changed and never removed.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Literal, get_args

from lockhouse.environments import pointer
from lockhouse.environments.links import is_link, real
from lockhouse.environments.removal import remove_tree
from lockhouse.environments.scattering import scatter
from lockhouse.errors import EnvironmentOccupied, Hint, InternalError
from lockhouse.host import Interpreter
from lockhouse.project import Project
from lockhouse.state import TEMPORARY, move, read_value, storage_errors, write_atomically, write_value
from lockhouse.values import dataclass

__all__ = ["MARKER", "METADATA", "Generation", "GenerationState", "Generations", "Marker"]

METADATA = ".lockhouse"
"""Folder inside a generation that holds what lockhouse knows of it; no part of the digest."""

MARKER = f"{METADATA}/generation.json"
"""The marker, below the environment."""

GenerationState = Literal["building", "sealed", "verified", "committed"]
STATES: tuple[GenerationState, ...] = get_args(GenerationState)

NEW = ".new-"
TRASH = ".trash-"
NAME = re.compile(r"([0-9]{4,})-[0-9a-f]{12}")
COUNTER = ".last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """What is known of a generation. ``plan`` and ``manifest`` are digests, ``interpreter`` is what it was made with.

    ``location`` is the absolute path it was made at: scripts inside name it, a copy elsewhere is no environment.
    ``environment_digest`` is the tree digest (docs/digest.md) and ``seal`` the sha256 of the seal, both known once it
    is sealed. ``created`` is UTC in ISO 8601. ``turn`` counts how often an environment of the manifest had been taken
    into use when this one was, the last time; 0 before the first. ``proof`` is the digest of the report that proved it.
    """

    number: int
    plan: str
    manifest: str
    provider: str
    interpreter: Interpreter
    location: str
    state: GenerationState
    created: str
    environment_digest: str | None = None
    seal: str | None = None
    turn: int = 0
    proof: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation(Marker):
    """A marked environment and where it stands: ``path`` is the environment itself."""

    path: Path

    @property
    def metadata(self) -> Path:
        """Folder of what lockhouse keeps about it."""
        return self.path / METADATA

    @property
    def moved(self) -> bool:
        """Whether it stands elsewhere than where it was made, and so cannot work."""
        return os.path.realpath(self.location) != os.path.realpath(self.path)

    @property
    def last_use(self) -> tuple[int, int]:
        """Sorts generations by when they were taken into use the last time, and those that never were by age."""
        return self.turn, self.number

    def reached(self, state: GenerationState) -> bool:
        """Whether it has come as far as ``state``."""
        return STATES.index(self.state) >= STATES.index(state)


class Generations:
    """The generations of one manifest in one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.folder = project.generations

    def all(self) -> tuple[Generation, ...]:
        """Every generation with a marker that can be read, oldest first."""
        found = (self.read(path) for path in self._entries() if NAME.fullmatch(path.name))
        return tuple(sorted((item for item in found if item), key=lambda item: item.number))

    def read(self, path: Path) -> Generation | None:
        """The generation in a folder; None if that is a link or carries no readable marker."""
        if path.is_symlink():
            return None
        marker = read_value(path / MARKER, Marker, "generation")
        if marker is None:
            return None
        return Generation(path=path, **{field.name: getattr(marker, field.name) for field in fields(Marker)})

    def current(self) -> Generation | None:
        """The generation that the pointer leads to; None where that is nothing, or nothing of this manifest."""
        target = pointer.read(self.project.pointer)
        if target is None or real(target).parent != real(self.folder):
            return None
        return self.read(self.folder / real(target).name)

    def new(
        self, plan_digest: str, manifest_digest: str, interpreter: Interpreter, *, provider: str = "venv"
    ) -> Generation:
        """Begin a generation with the next number; its folder appears with its marker in it, at one instant.

        Numbers are never used again, even after the generation that had it is gone.
        """
        number = self._next_number()
        path = self.folder / f"{number:04d}-{plan_digest[:12]}"
        generation = Generation(
            path=path,
            number=number,
            plan=plan_digest,
            manifest=manifest_digest,
            provider=provider,
            interpreter=interpreter,
            location=str(path),
            state="building",
            created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )
        temporary = self.folder / f"{NEW}{os.urandom(4).hex()}"
        with storage_errors(path):
            self.folder.mkdir(parents=True, exist_ok=True)
            scatter(self.folder)
            write_atomically(self.folder / COUNTER, f"{number}\n".encode())
            temporary.mkdir()
            _write(temporary, generation)
            move(temporary, path)
        return generation

    def advance(
        self,
        generation: Generation,
        state: GenerationState,
        environment_digest: str | None = None,
        *,
        seal: str | None = None,
        proof: str | None = None,
    ) -> Generation:
        """Note that a generation has come as far as ``state``; it never goes back: an earlier state changes nothing.

        Digests that are given are noted as well. Returns the generation as it is now.
        """
        known = self.read(generation.path)
        if known is None:
            raise InternalError(f"{generation.path} lost its marker while lockhouse worked on it")
        changed = replace(
            known,
            state=known.state if known.reached(state) else state,
            environment_digest=environment_digest or known.environment_digest,
            seal=seal or known.seal,
            proof=proof or known.proof,
        )
        if changed != known:
            _write(changed.path, changed)
        return changed

    def commit(self, generation: Generation) -> Generation:
        """Lead the pointer to a generation and note that it serves, and since when; return it as it is now.

        Killed in between, the pointer leads to it and only the note is missing.
        """
        current = self.current()
        if current is None or current.path != generation.path:
            pointer.switch(self.project.pointer, generation.path)
        known = self.advance(generation, "committed")
        latest = max((item.turn for item in self.all()), default=0)
        if known.turn == latest > 0:
            return known
        served = replace(known, turn=latest + 1)
        _write(served.path, served)
        return served

    def remove(self, generation: Generation) -> None:
        """Remove a generation: out of the way at one instant, then deleted, marker last.

        Refuses what carries no marker, lies outside the folder of generations, or is what the pointer leads to. Raises
        StorageError when the file system does not let go of it; then the rest is a leftover.
        """
        path = generation.path
        resolved = real(path)
        if path.is_symlink() or resolved.parent != real(self.folder) or self.read(path) is None:
            raise _not_ours(path)
        if pointer.read(self.project.pointer) in (path, resolved):
            raise InternalError(f"{path} is in use and must not be removed")
        trash = self.folder / f"{TRASH}{path.name}-{os.urandom(4).hex()}"
        with storage_errors(path):
            move(path, trash)
        remove_tree(trash, last=METADATA)

    def abandon(self, generation: Generation) -> None:
        """Remove a generation that this run has worked on, whatever was done to its marker meanwhile.

        A check may have lost it; without one nobody would dare to remove what is left, in this run or any later one.
        """
        if self.read(generation.path) is None and not is_link(generation.path) and not is_link(generation.metadata):
            _write(generation.path, generation)
        self.remove(generation)

    def leftovers(self) -> tuple[Path, ...]:
        """What interrupted work of :meth:`new` and :meth:`remove` left behind."""
        return tuple(path for path in self._entries() if not path.is_symlink() and self._is_leftover(path))

    def clear(self, leftover: Path) -> None:
        """Remove one of :meth:`leftovers`."""
        if leftover not in self.leftovers():
            raise _not_ours(leftover)
        if leftover.is_dir():
            remove_tree(leftover, last=METADATA)
        else:
            with storage_errors(leftover):
                leftover.unlink(missing_ok=True)

    def strangers(self) -> tuple[Path, ...]:
        """What lies among the generations and was not made by this version of lockhouse: it is left alone."""
        known = {generation.path for generation in self.all()} | set(self.leftovers())
        return tuple(path for path in self._entries() if path not in known and path.name != COUNTER)

    def _is_leftover(self, path: Path) -> bool:
        """Whether the name is one of ours and nobody's work can be in it: it is marked, or holds but our folder."""
        if path.name.startswith((NEW, TRASH)) and path.is_dir():
            return self.read(path) is not None or all(inner.name == METADATA for inner in path.iterdir())
        return path.name.startswith(TEMPORARY) and path.is_file()  # the counter on its way to be written

    def _entries(self) -> Iterator[Path]:
        try:
            yield from sorted(self.folder.iterdir())
        except FileNotFoundError:
            return

    def _next_number(self) -> int:
        used = [int(match[1]) for path in self._entries() if (match := NAME.search(path.name))]
        with contextlib.suppress(OSError, ValueError):  # before the first one; or lost, then the folders say enough
            used.append(int((self.folder / COUNTER).read_text()))
        return max(used, default=0) + 1


def _write(folder: Path, generation: Generation) -> None:
    marker = Marker(**{field.name: getattr(generation, field.name) for field in fields(Marker)})
    write_value(folder / MARKER, marker, "generation")


def _not_ours(path: Path) -> EnvironmentOccupied:
    return EnvironmentOccupied(
        f"{path} is not removed",
        cause="it carries no marker of lockhouse, or lies outside the folder of generations",
        hints=[Hint("move-away", "look at what it is; if nobody needs it, delete it by hand")],
    )
