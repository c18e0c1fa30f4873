"""Fixtures for every layer of tests: no user configuration, no user cache, no network but loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.index import Index, serving
from lockhouse.testing.apart import stand_apart


@pytest.fixture(autouse=True)
def _isolated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep the user's pip configuration, proxies and caches out of the tests; slow ones need the user's index."""
    if request.node.get_closest_marker("slow"):
        monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        for name in [name for name in os.environ if name.startswith("LOCKHOUSE_")]:
            monkeypatch.delenv(name)
        return
    stand_apart(tmp_path_factory.mktemp("home"), monkeypatch)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An empty index; put wheels into ``index.folder``."""
    with serving(tmp_path / "index") as served:
        yield served
