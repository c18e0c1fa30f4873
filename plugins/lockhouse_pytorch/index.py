"""PyTorch's own indexes: one address for each variant, and the distributions that live there."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["distributions", "family", "index_url", "labelled"]

DATA = Path(__file__).with_name("data")


def index_url(variant: str) -> str:
    """Address of the index of a variant: ``cu130``, ``rocm7.2``, ``xpu``, ``cpu``."""
    return f"https://download.pytorch.org/whl/{variant}"


def family() -> frozenset[str]:
    """Canonical names of all that PyTorch publishes on its indexes, for whichever accelerator."""
    return frozenset(distributions()["family"])


def labelled(namespace: str) -> frozenset[str]:
    """Those whose builds for an accelerator carry the variant's label in every release."""
    return frozenset(distributions()["labelled"][namespace])


@cache
def distributions() -> dict[str, Any]:
    """Load the table of distributions."""
    data: dict[str, Any] = json.loads(DATA.joinpath("distributions.json").read_text(encoding="utf-8"))
    return data
