"""Tests that leave the person who runs them alone: nothing of their configuration, and nothing in their caches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

__all__ = ["stand_apart"]


def stand_apart(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep pip's configuration, proxies, settings of lockhouse and caches of the user out; ``home`` stands in.

    Python writes bytecode as it does by default: where that is forbidden, nobody sees that it lands in an environment.
    """
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_", "LOCKHOUSE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(home / "etc"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("LOCKHOUSE_CACHE_DIR", str(home / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(home / "uv-cache"))
