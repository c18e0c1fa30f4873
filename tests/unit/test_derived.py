"""What is written from the code is what stands in the repository; the documents fit their schemas."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
assert _spec is not None
assert _spec.loader is not None
generate = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate)


@pytest.mark.parametrize(("path", "content"), list(generate.outputs()), ids=lambda item: getattr(item, "name", ""))
def test_derived_file_is_current(path: Path, content: str) -> None:
    assert path.read_text(encoding="utf-8") == content, "run python docs/generate.py"


@pytest.mark.parametrize("path", sorted((ROOT / "schemas").glob("*.schema.json")), ids=lambda path: path.name)
def test_schema_is_a_schema(path: Path) -> None:
    import json

    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))
