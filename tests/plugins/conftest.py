"""Plugins as strangers install them, and projects that use them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.index import Index
from fixtures.site import Site
from fixtures.strangers import Strangers, strangers_at


@pytest.fixture
def strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Strangers:
    """A site-packages folder that strangers install their plugins into."""
    return strangers_at(tmp_path, monkeypatch)


@pytest.fixture
def site(tmp_path: Path, index: Index) -> Site:
    """A project without a manifest whose index serves pip, setuptools and wheel."""
    return Site(tmp_path / "project", index)
