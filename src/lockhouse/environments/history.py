"""Kept generations: what there is, going back to one, and what could be freed.

What is behind the verbs ``generations``, ``rollback`` and ``clean``; how it looks is decided by whoever shows it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from lockhouse.environments.generations import Generation, Generations, GenerationState
from lockhouse.environments.retirement import Clearing, OnBusy, clear, find_clearing
from lockhouse.environments.tree import measure
from lockhouse.errors import Hint, UsageError
from lockhouse.events import Emit, discard
from lockhouse.project import Project
from lockhouse.values import dataclass

__all__ = [
    "Freeable",
    "GenerationSummary",
    "choose_rollback",
    "find_freeable",
    "free",
    "list_generations",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationSummary:
    """One generation as people are shown it.

    ``created`` is UTC in ISO 8601; ``size`` in bytes, None when it was not asked for; ``lock`` the file beside the
    manifest that was written for exactly this environment, None where there is none (any more). One that ``moved``
    stands elsewhere than where it was made and cannot be used.
    """

    number: int
    plan: str
    state: GenerationState
    current: bool
    moved: bool
    created: str
    size: int | None
    environment_digest: str | None
    path: str
    lock: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeable:
    """Something that can go, or has gone; ``size`` in bytes that become free: what others share does not count."""

    path: str
    kind: Literal["leftover", "abandoned", "retired", "unused", "facts"]
    size: int


def list_generations(project: Project, *, sizes: bool = False) -> tuple[GenerationSummary, ...]:
    """List the generations of the manifest, oldest first; measuring ``sizes`` looks at every file."""
    generations = Generations(project)
    current = generations.current()
    there = generations.all()
    locks = _locks(project, (item.environment_digest for item in there))
    return tuple(
        GenerationSummary(
            number=item.number,
            plan=item.plan,
            state=item.state,
            current=item == current,
            moved=item.moved,
            created=item.created,
            size=measure(item.path) if sizes else None,
            environment_digest=item.environment_digest,
            path=str(item.path),
            lock=locks.get(item.environment_digest) if item.environment_digest else None,
        )
        for item in there
    )


def choose_rollback(project: Project, number: int | None = None) -> Generation:
    """Choose the generation to go back to: that ``number``, or else the one that served before the current.

    So a rollback is undone by another one. Only one that has served can be chosen. Raises UsageError that names those
    there are. The caller verifies it before it is taken into use.
    """
    generations = Generations(project)
    current = generations.current()
    choices = [item for item in generations.all() if item.reached("committed") and not item.moved and item != current]
    if number is not None:
        chosen = next((item for item in choices if item.number == number), None)
        if chosen is None and current is not None and current.number == number:
            raise _no_rollback(f"generation {number} is already in use", choices)
    else:
        chosen = max(choices, key=lambda item: item.last_use, default=None)
    if chosen is None:
        what = f"there is no generation {number}" if number is not None else "there is no other generation"
        raise _no_rollback(f"{what} to go back to", choices)
    return chosen


def find_freeable(project: Project, plan: str | None, keep: int) -> tuple[Clearing, tuple[Freeable, ...]]:
    """Find what can be freed: leftovers, abandoned builds, all beyond ``keep``.

    ``plan`` is the digest of the plan that is current, so that a finished build of it stays for the next install.
    """
    generations = Generations(project)
    clearing = find_clearing(generations, plan, keep)
    found = (
        *(_freeable(path, "leftover") for path in clearing.leftovers),
        *(_freeable(item.path, "abandoned") for item in clearing.abandoned),
        *(_freeable(item.path, "retired") for item in clearing.retired),
    )
    return clearing, found


def free(
    project: Project, plan: str | None, keep: int, on_busy: OnBusy = "refuse", emit: Emit = discard
) -> tuple[Freeable, ...]:
    """Free what :func:`find_freeable` finds; return what is gone. What stays is told by warnings."""
    clearing, found = find_freeable(project, plan, keep)
    left = {str(path) for path in clear(Generations(project), clearing, on_busy, emit)}
    return tuple(item for item in found if item.path not in left)


def _freeable(path: Path, kind: Literal["leftover", "abandoned", "retired"]) -> Freeable:
    return Freeable(path=str(path), kind=kind, size=measure(path, own=True))


def _no_rollback(summary: str, choices: list[Generation]) -> UsageError:
    numbers = ", ".join(str(item.number) for item in choices)
    return UsageError(
        summary,
        cause=f"kept besides the one in use: {numbers or 'none'}",
        hints=[Hint("list-generations", "see what there is with `lockhouse generations`")],
    )


def _locks(project: Project, wanted: Iterable[str | None]) -> dict[str, str]:
    """The manifest's locks by the digest of the environment that they were written for, as far as it is wanted."""
    digests = [digest.encode() for digest in wanted if digest]
    found: dict[str, str] = {}
    for path in sorted(project.manifest.parent.glob(f"pylock.{project.name}-*.toml")):
        with contextlib.suppress(OSError):
            data = path.read_bytes()
            # Reading TOML takes as long as Python's start: only a lock that can be the one is read.
            if any(digest in data for digest in digests):
                found |= _lock(project, path, hashlib.sha256(data).hexdigest())
    return found


def _lock(project: Project, path: Path, sha256: str) -> dict[str, str]:
    from lockhouse.lockfile import read_table, remembered_lock

    lock = remembered_lock(path, project.lock_memory, sha256) or read_table(path)
    if lock is None or lock.name != project.name:  # llm-2024 begins like a variant of llm
        return {}
    return {lock.environment_digest: str(path)}
