"""What benches can let go of: the wheels of candidates, which no project needs, and copies that killed trials left."""

from __future__ import annotations

import contextlib
from pathlib import Path

from lockhouse.diagnosis.bench import bench_project, benches
from lockhouse.environments.removal import remove_tree
from lockhouse.environments.tree import measure
from lockhouse.errors import ProjectBusy
from lockhouse.events import discard
from lockhouse.exclusion import hold_project
from lockhouse.project import home_of
from lockhouse.store.freeing import Unused

__all__ = ["clear_benches", "find_on_benches"]


def find_on_benches() -> tuple[Unused, ...]:
    """Find what can go from all benches, sorted by path."""
    return tuple(Unused(path=path, size=measure(path)) for root in benches() for path in _folders(root))


def clear_benches() -> tuple[Unused, ...]:
    """Free it, but for a bench where a diagnosis is at work; return what is gone."""
    freed = []
    for root in benches():
        with contextlib.suppress(ProjectBusy):
            hold = hold_project(bench_project(root, root.name), discard, 0)
            try:
                for path in _folders(root):
                    freed.append(Unused(path=path, size=measure(path)))
                    remove_tree(path)
            finally:
                hold.release()
    return tuple(freed)


def _folders(root: Path) -> list[Path]:
    wheelhouse = bench_project(root, root.name).wheelhouse
    found = [*home_of(root).glob("*/tmp"), wheelhouse]
    return [path for path in sorted(found) if path.is_dir() and any(path.iterdir())]
