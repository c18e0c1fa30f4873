"""The whole pipeline, run as a person runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.index import Index
from fixtures.site import Site


@pytest.fixture
def site(tmp_path: Path, index: Index) -> Site:
    """A project without a manifest whose index serves pip, setuptools and wheel."""
    return Site(tmp_path / "project", index)
