"""Reading a manifest: JSON or TOML, shape by ``schemas/manifest.schema.json``, then meaning.

Every fault of a file is found and reported together, each with its path into the file and, for a misspelt field, the
one that was probably meant.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lockhouse.codec import decode
from lockhouse.errors import Hint, ManifestError, Problem
from lockhouse.manifest import Manifest
from lockhouse.manifestfile.judged import Judged
from lockhouse.manifestfile.schema import manifest_schema
from lockhouse.names import canonical_name

__all__ = ["load_manifest", "manifest_schema", "parse_manifest"]

Json = Any  # what json.loads and tomllib.loads give


def load_manifest(path: Path, memory: Path | None = None) -> Manifest:
    """Read and validate a manifest file; raise ManifestError with all its faults.

    ``memory`` is a folder, which need not exist, where it is remembered that a text had no fault.
    """
    try:
        mode = path.stat().st_mode
        # Whoever reads a pipe or a device may do so for ever. A folder is told by the system's own words.
        text = path.read_text(encoding="utf-8-sig") if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ManifestError(f"{path.name} cannot be read", problems=[Problem("", reason)]) from error
    if text is None:
        raise ManifestError(f"{path.name} is no file")
    data = _toml(text, path.name) if path.suffix == ".toml" else _json(text, path.name)
    judged = Judged(memory, path, text)
    if judged.faultless:
        return decode(Manifest, _normalised(data))
    manifest = parse_manifest(data, path.name)
    judged.remember()
    return manifest


def parse_manifest(data: Json, source: str) -> Manifest:
    """Validate manifest data and make the value; ``source`` names it in errors."""
    from lockhouse.manifestfile.meaning import meaning_problems
    from lockhouse.manifestfile.shape import shape_problems

    problems = list(shape_problems(data))
    if not problems:
        manifest = decode(Manifest, _normalised(data))
        problems = list(meaning_problems(manifest, data))
        if not problems:
            return manifest
    hint = Hint("manifest-reference", "docs/manifest.md describes every field")
    count = "a fault" if len(problems) == 1 else f"{len(problems)} faults"
    raise ManifestError(f"{source} has {count}", problems=problems, hints=[hint])


def _json(text: str, name: str) -> Json:
    try:
        return json.loads(text, object_pairs_hook=_no_duplicates)
    except _DuplicateKey as error:
        raise ManifestError(f"{name} is not valid", problems=[Problem("", str(error))]) from error
    except (ValueError, RecursionError) as error:  # ValueError also for a number of thousands of digits
        raise _unreadable(text, name, "JSON", error) from error


def _toml(text: str, name: str) -> Json:
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(text, name, "TOML", error) from error


def _unreadable(text: str, name: str, kind: str, error: Exception) -> ManifestError:
    hint = Hint("manifest-reference", "docs/manifest.md describes every field")
    if not text.strip():
        return ManifestError(f"{name} is empty", hints=[hint])
    return ManifestError(f"{name} is not {kind}", problems=[Problem("", str(error).partition(";")[0])])


class _DuplicateKey(ValueError):
    pass


def _no_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    # JSON readers silently keep the last of two equal keys: half of what somebody wrote would be ignored.
    result: dict[str, Json] = {}
    for key, value in pairs:
        if key in result:
            raise _DuplicateKey(f"the field {key!r} stands twice in the same object")
        result[key] = value
    return result


def _normalised(data: Json) -> Json:
    """Write every short form out in full, so that the value has one shape."""
    result = {key: value for key, value in data.items() if key != "$schema"}
    named = {check["name"] for check in data.get("checks", [])}
    by_name = {check["name"]: check for check in data.get("checks", [])}
    result["stages"] = [
        {
            **stage,
            "requirements": [_wish(item) for item in stage["requirements"]],
            "checks": [_stage_check(item, stage["name"], named, by_name) for item in stage.get("checks", [])],
        }
        for stage in data["stages"]
    ]
    result["variants"] = [
        {
            "name": name,
            **variant,
            "requirements": {canonical_name(key): _wish(item) for key, item in variant.get("requirements", {}).items()},
        }
        for name, variant in data.get("variants", {}).items()
    ]
    result["blacklist"] = [
        {"requirement": entry} if isinstance(entry, str) else entry for entry in data.get("blacklist", [])
    ]
    return result


def _wish(item: Json) -> Json:
    return {"requirement": item} if isinstance(item, str) else item


def _stage_check(item: Json, stage: str, named: set[str], by_name: Mapping[str, Json]) -> Json:
    if isinstance(item, str):
        return {**by_name[item], "stage": stage} if item in named else {"name": item, "run": item, "stage": stage}
    return {**item, "stage": stage}
