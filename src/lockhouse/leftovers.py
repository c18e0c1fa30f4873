"""What killed work leaves in a project outside of its generations: half-written files, bytecode, parts of wheels.

Those who have the project alone clear the first two away without a word. Parts of wheels are worth something as long as
a plan waits for the wheel: then the next download goes on with them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from lockhouse.errors import StorageError
from lockhouse.plan import Plan
from lockhouse.project import Project
from lockhouse.state import read_value, sweep

__all__ = ["find_unawaited", "known_plans", "sweep_project"]


def sweep_project(project: Project) -> None:
    """Remove half-written files and temporary folders, and end checks; nobody else may be at work in the project."""
    sweep(project.state, project.manifest.parent, project.wheelhouse)
    if project.temporary.is_dir():
        from lockhouse.environments.removal import remove_tree
        from lockhouse.temporary import clear_noted
        from lockhouse.verification.ending import end_marked

        with contextlib.suppress(StorageError, OSError):  # the next run tries again
            for name in clear_noted(project.temporary):
                end_marked(name)  # a check goes on when the run that asked for it is killed
            remove_tree(project.temporary)


def find_unawaited(project: Project) -> tuple[Path, ...]:
    """Find the parts of wheels that no plan of the project's manifests waits for, sorted by name."""
    from lockhouse.wheels.wheelhouse import Wheelhouse

    wheelhouse = Wheelhouse(project.wheelhouse)
    if not wheelhouse.partial.is_dir():
        return ()
    awaited = tuple(
        wheelhouse.arriving(item.filename, item.sha256).name
        for plan in known_plans(project.home)
        for item in plan.distributions
    )
    # Beside a part lie its note and its ledger, whose names begin with its own.
    return tuple(sorted(path for path in wheelhouse.partial.iterdir() if not path.name.startswith(awaited)))


def known_plans(home: Path) -> Iterator[Plan]:
    """Read the plans of all manifests of the project that keeps its things in ``home``."""
    for path in sorted(home.glob("*/plan.json")):
        if (plan := read_value(path, Plan, "plan")) is not None:
            yield plan
