"""Where a local wheel is, as the address of a plan (a ``file:`` URL) and as the path of a lock."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

__all__ = ["path_to_url", "portable_path", "url_to_path"]


def url_to_path(url: str) -> Path | None:
    """Return the path that a ``file:`` URL of this machine means; None for any other URL."""
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        return None
    if os.name != "nt":  # the same as below, without the import of all that fetches
        return Path(os.fsdecode(unquote_to_bytes(parts.path)))
    from urllib.request import url2pathname

    return Path(url2pathname(parts.path))


def path_to_url(path: Path) -> str:
    """Return the ``file:`` URL of a path; ``..`` is resolved by name, links are not followed."""
    return Path(os.path.abspath(path)).as_uri()  # noqa: PTH100 - Path.absolute keeps ".."


def portable_path(path: Path, folder: Path) -> str:
    """Spell a path for a lock in ``folder`` with ``/``: relative for what moves with the project, else absolute.

    A lock stands in the project or in its folder of manifests, so that one step up is still the project.
    """
    try:
        relative = Path(os.path.relpath(path, folder))
    except ValueError:  # another drive of Windows
        return path.as_posix()
    if relative.parts[:2].count("..") == 2:
        return path.as_posix()
    return relative.as_posix()
