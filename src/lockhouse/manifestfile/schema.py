"""The JSON Schema of manifests, where it stands."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["manifest_schema", "schema_path"]

Json = Any  # what json.loads gives


@cache
def manifest_schema() -> Json:
    """Read the JSON Schema of manifests."""
    return json.loads(schema_path().read_text(encoding="utf-8"))


def schema_path() -> Path:
    """Say where the schema is: in the installed package, else in the source tree."""
    packaged = Path(__file__).parents[1] / "schemas" / "manifest.schema.json"
    return packaged if packaged.is_file() else Path(__file__).parents[3] / "schemas" / "manifest.schema.json"
