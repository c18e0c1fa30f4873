"""What benches can let go of: the wheels of candidates, which no project needs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from lockhouse.diagnosis.bench import bench_project, benches
from lockhouse.environments.removal import remove_tree
from lockhouse.environments.tree import measure
from lockhouse.errors import ProjectBusy
from lockhouse.events import discard
from lockhouse.exclusion import hold_project
from lockhouse.store.freeing import Unused

__all__ = ["find_wheels_of_benches", "free_wheels_of_benches"]


def find_wheels_of_benches() -> tuple[Unused, ...]:
    """Find the wheelhouses of all benches, sorted by path."""
    return tuple(Unused(path=path, size=measure(path)) for _, path in _wheelhouses())


def free_wheels_of_benches() -> tuple[Unused, ...]:
    """Free them, but for that of a bench where a diagnosis is at work; return what is gone."""
    freed = []
    for root, path in _wheelhouses():
        with contextlib.suppress(ProjectBusy):
            hold = hold_project(bench_project(root, root.name), discard, 0)
            try:
                size = measure(path)
                remove_tree(path)
                freed.append(Unused(path=path, size=size))
            finally:
                hold.release()
    return tuple(freed)


def _wheelhouses() -> Iterator[tuple[Path, Path]]:
    for root in benches():
        path = bench_project(root, root.name).wheelhouse
        if path.is_dir():
            yield root, path
