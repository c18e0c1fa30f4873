"""Whether the interpreters of a machine may have changed, told by file look-ups alone."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from lockhouse.environments.places import Places, base_interpreter

__all__ = ["file_state", "interpreters_fingerprint"]


def interpreters_fingerprint(places: Places | None = None) -> str:
    """Digest of what ``find_interpreters`` would look at; changes when an interpreter comes, goes or changes."""
    places = places or Places.here()
    paths = [Path(sys.executable), *places.on_path(), *places.elsewhere(), *places.selectors()]
    lines = [f"PYENV_VERSION={places.environ.get('PYENV_VERSION', '')}"]
    for path in paths:
        base = base_interpreter(path)
        lines.append(f"{path}\0{base}\0{file_state(base or path)}")
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def file_state(path: Path) -> str:
    """Time and size of a file, links followed; ``absent`` where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return "absent"
    return f"{stat.st_mtime_ns}\0{stat.st_size}"
