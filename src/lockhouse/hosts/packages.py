"""Import names of a distribution, told from the paths of its files."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["names_from_paths"]

MODULE = re.compile(r"([^\W\d]\w*)(?:\.py|(?:\.[\w.-]+)?\.(?:so|pyd))")
INITIAL = "__init__"


def names_from_paths(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the names that files provide, sorted; ``paths`` are relative to the folder of import packages, with ``/``.

    A package is a folder with ``__init__``; of a folder without one, a namespace that several distributions may share,
    it is what it holds: ``google.protobuf``. Metadata and what lies outside of the folder provide nothing.
    """
    packages: set[str] = set()
    modules: list[tuple[str, str]] = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        match = MODULE.fullmatch(name)
        if match is None or not all(part.isidentifier() for part in folder.split("/") if folder):
            continue
        module = match[1]
        if module == INITIAL and folder:
            packages.add(folder)
        elif module != INITIAL:
            modules.append((folder, module))
    found = {folder.replace("/", ".") for folder in packages if not _enclosed(folder, packages)}
    for folder, module in modules:
        if not folder:
            found.add(module)
        elif folder not in packages and not _enclosed(folder, packages):
            found.add(f"{folder}/{module}".replace("/", "."))
    return tuple(sorted(found))


def _enclosed(folder: str, packages: set[str]) -> bool:
    """Whether one of the folders around is a package."""
    while "/" in folder:
        folder = folder.rpartition("/")[0]
        if folder in packages:
            return True
    return False
