"""Fixtures for authors of plugins: ``lockhouse_index``, ``lockhouse_site``, ``lockhouse_machine``.

pytest loads this module in every run of everybody who has lockhouse installed: it imports nothing but pytest, and does
nothing until a test asks for one of its fixtures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lockhouse.testing.index import Index
    from lockhouse.testing.machines import RecordedMachine
    from lockhouse.testing.site import Site

__all__ = ["lockhouse_apart", "lockhouse_index", "lockhouse_machine", "lockhouse_site"]


@pytest.fixture
def lockhouse_apart(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's configuration and caches out of a test; the folder that stands in for their home."""
    from lockhouse.testing.apart import stand_apart

    home = tmp_path_factory.mktemp("home")
    stand_apart(home, monkeypatch)
    return home


@pytest.fixture
def lockhouse_index(tmp_path: Path) -> Iterator[Index]:
    """A package index on loopback, empty: ``WheelSpec("name").build(index.folder)`` puts a real wheel there."""
    from lockhouse.testing.index import serving

    with serving(tmp_path / "index") as index:
        yield index


@pytest.fixture
def lockhouse_site(tmp_path: Path, lockhouse_index: Index, lockhouse_apart: Path) -> Site:  # noqa: ARG001 - it acts
    """A project without a manifest whose index serves pip, setuptools and wheel, and the tool to run in it."""
    from lockhouse.testing.site import Site

    return Site(tmp_path / "project", lockhouse_index)


@pytest.fixture
def lockhouse_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[RecordedMachine], None]:
    """Call it with a recorded machine: from then on the machine's commands are what probes find on ``PATH``."""

    def become(machine: RecordedMachine) -> None:
        for name, value in machine.put_on_path(tmp_path / f"commands-of-{machine.name}").items():
            monkeypatch.setenv(name, value)

    return become
