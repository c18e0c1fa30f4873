"""The scaffold: what the environment provider made before any distribution came, with its content at that time.

Interpreter links, activation scripts and the like name the environment's own path and vary with the patch release of
Python. They are sealed like everything else; only the tree digest leaves them out (docs/digest.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lockhouse.environments.generations import METADATA
from lockhouse.environments.sealing import seal_tree
from lockhouse.errors import BuildError
from lockhouse.state import write_atomically

__all__ = ["read_scaffold", "record_scaffold"]

SCHEMA = "lockhouse.scaffold/1"
FILE = f"{METADATA}/scaffold.json"


def record_scaffold(root: Path) -> Mapping[str, str]:
    """Note every file of a fresh environment; call it right after the provider made it. Gives sha256 (hex) by path."""
    files = {item.path: item.sha256 for item in seal_tree(root, step="create").seal.files}
    write_atomically(root / FILE, json.dumps({"schema": SCHEMA, "files": files}, indent=1).encode(), durable=False)
    return files


def read_scaffold(root: Path) -> Mapping[str, str]:
    """Return what :func:`record_scaffold` noted; raise BuildError if that is gone."""
    try:
        document = json.loads((root / FILE).read_bytes())
        if document["schema"] == SCHEMA:
            return {str(path): str(sha256) for path, sha256 in document["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise BuildError(f"{root} was damaged while it was built", cause=f"{FILE} is missing or cannot be read")
