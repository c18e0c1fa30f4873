"""What the verbs beside the pipeline do: going back to an earlier environment, and freeing what is no longer kept.

Both have the project alone while they work. How the outcome looks is decided by whoever shows it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from lockhouse.environments.generations import Generation, Generations
from lockhouse.environments.history import Freeable, choose_rollback, find_freeable, free, switch_to
from lockhouse.environments.seal import find_drift
from lockhouse.errors import DriftFound, Hint
from lockhouse.events import StepFinished, StepStarted
from lockhouse.exclusion import hold_project
from lockhouse.plan import Plan
from lockhouse.steps import Context

__all__ = ["Cleaned", "clean", "roll_back"]

PATIENCE = 3600.0
"""Seconds to wait for another lockhouse in the same project."""

TIMEOUT = 60.0
"""Seconds for an interpreter to start: a cold network file system is slow."""

SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What was freed, or with ``dry_run`` would be."""

    dry_run: bool
    freed: tuple[Freeable, ...]

    @property
    def size(self) -> int:
        """Bytes of all of it."""
        return sum(item.size for item in self.freed)


def clean(context: Context, *, dry_run: bool = False) -> Cleaned:
    """Free leftovers, abandoned builds and generations beyond those kept; with ``dry_run`` only find them."""
    plan = context.state.read(Plan)
    digest = plan.digest if plan else None
    wish = context.manifest.environment
    with _alone(context):
        if dry_run:
            found = find_freeable(context.project, digest, wish.keep)[1]
        else:
            found = free(context.project, digest, wish.keep, wish.on_busy, context.emit)
    return Cleaned(dry_run=dry_run, freed=found)


def roll_back(context: Context, number: int | None = None) -> int | None:
    """Take the generation ``number``, or the one before the current, into use; return the number of the one that was.

    It is proven first that its files are those that were verified when it was built, and that its Python runs. Raises
    UsageError when there is nothing to go back to and DriftFound when it is not what it was.
    """
    with _alone(context):
        current = Generations(context.project).current()
        chosen = choose_rollback(context.project, number)
        _prove(context, chosen)
        switch_to(context.project, chosen)
    return current.number if current else None


def _prove(context: Context, generation: Generation) -> None:
    context.tell(StepStarted(step="prove"))
    started = time.perf_counter()
    drift = find_drift(generation, emit=context.emit, step="prove")
    paths = (*drift.modified, *drift.missing, *drift.extra)
    works = not paths and _starts(context, generation)
    outcome: Literal["done", "failed"] = "done" if works else "failed"
    context.tell(StepFinished(step="prove", outcome=outcome, seconds=time.perf_counter() - started))
    if works:
        return
    if paths:
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        cause = f"changed since it was verified: {', '.join(paths[:SHOWN])}{more}"
    else:
        cause = f"its interpreter, Python {generation.interpreter.version}, does not run any more"
    raise DriftFound(
        f"generation {generation.number} is not what it was, and is not taken into use",
        cause=cause,
        hints=[Hint("install", "run install: it builds anew what the manifest asks for")],
    )


def _starts(context: Context, generation: Generation) -> bool:
    provider = context.plugins.environments().get(generation.provider)
    if provider is None:
        return False
    python = provider.scheme(generation.path, generation.interpreter).python
    argv = [str(python), "-I", "-B", "-c", "import platform; print(platform.python_version())"]
    try:
        answer = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and answer.stdout.strip() == generation.interpreter.version


@contextmanager
def _alone(context: Context) -> Iterator[None]:
    held = hold_project(context.project, context.emit, PATIENCE)
    try:
        yield
    finally:
        held.release()
