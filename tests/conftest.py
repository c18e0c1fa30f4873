"""Fixtures for every layer of tests: no user configuration, no user cache, no network but loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.index import Index, serving


@pytest.fixture(autouse=True)
def _isolated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep the user's pip configuration, proxies and caches out of the tests; slow ones need the user's index.

    Python writes bytecode as it does by default: where that is forbidden, nobody sees that it lands in an environment.
    """
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    if request.node.get_closest_marker("slow"):
        for name in [name for name in os.environ if name.startswith("LOCKHOUSE_")]:
            monkeypatch.delenv(name)
        return
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_", "LOCKHOUSE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(home / "etc"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("LOCKHOUSE_CACHE_DIR", str(home / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(home / "uv-cache"))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An empty index; put wheels into ``index.folder``."""
    with serving(tmp_path / "index") as served:
        yield served
