"""Entry points of some groups, read straight from the folders of installed distributions.

:mod:`importlib.metadata` parses those of every distribution and imports a parser of e-mail on the way: more than Python
itself takes to start. Here a file that names none of the groups is not parsed. Where distributions are found in other
ways than as folders on ``sys.path``, :mod:`importlib.metadata` is asked after all.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.machinery import PathFinder

from lockhouse.names import canonical_name
from lockhouse.values import dataclass

__all__ = ["Registered", "load_object", "registered"]

UNKNOWN = ("unknown", "0+unknown")
OBJECT = re.compile(r"([\w.]+)\s*(?::\s*([\w.]+)\s*)?(?:\[.*\]\s*)?")
"""``module:object [extra]`` (entry points specification, "Data model")."""


@dataclass(frozen=True, slots=True)
class Registered:
    """An entry point: its group and name, who registers it, the object that it names, and what imports that."""

    group: str
    name: str
    distribution: str
    version: str
    target: str
    load: Callable[[], object]


def registered(*groups: str) -> Iterator[Registered]:
    """Give the entry points of some groups; of two distributions of the same name the first on ``sys.path`` counts.

    A distribution whose metadata is damaged is called ``unknown``, in version ``0+unknown``.
    """
    folders = [entry or os.getcwd() for entry in sys.path]  # noqa: PTH109 - once per entry, at every start
    if any(map(_needs_asking, folders)) or any(map(_finds_otherwise, sys.meta_path)):
        for group in groups:
            yield from _asked(group)
        return
    seen: set[str] = set()
    for folder in folders:
        for name, metadata in _distributions(folder):
            if name in seen:
                continue
            seen.add(name)
            text = _text(f"{metadata}/entry_points.txt")
            named = [group for group in groups if group in text]
            if named:
                distribution, version = _source(metadata)
                for group in named:
                    for point, target in _section(text, group):
                        load = partial(load_object, target)
                        yield Registered(group, point, distribution, version, target, load)


def _needs_asking(entry: str) -> bool:
    """Whether an entry of ``sys.path`` is an archive, or an egg, which keeps its metadata elsewhere."""
    return entry.lower().endswith(".egg") or os.path.isfile(entry)  # noqa: PTH113


def _finds_otherwise(finder: object) -> bool:
    return finder is not PathFinder and hasattr(finder, "find_distributions")


def _distributions(folder: str) -> list[tuple[str, str]]:
    """Names, in one spelling, of the distributions in a folder, and where their metadata is; in order of file names."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.lower().endswith((".dist-info", ".egg-info")))  # noqa: PTH208
    except OSError:
        return []
    return [(canonical_name(name.rpartition(".")[0].partition("-")[0]), f"{folder}/{name}") for name in names]


def _section(text: str, group: str) -> Iterator[tuple[str, str]]:
    inside = False
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            inside = line[1:-1] == group
        elif inside and line and not line.startswith("#"):
            name, _, target = line.partition("=")
            yield name.strip(), target.strip()


def _source(metadata: str) -> tuple[str, str]:
    """Name and version from the headers of the metadata."""
    head = _text(f"{metadata}/METADATA") or _text(f"{metadata}/PKG-INFO")
    fields = dict(line.partition(":")[::2] for line in reversed(head.partition("\n\n")[0].splitlines()))
    known = {key.lower(): value.strip() for key, value in fields.items()}
    if not known.get("name") or not known.get("version"):
        return UNKNOWN
    return canonical_name(known["name"]), known["version"]


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - once per distribution, at every start
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""


def load_object(target: str) -> object:
    """Import the object that ``module:object`` names, or the module without an object."""
    match = OBJECT.fullmatch(target)
    if match is None:
        raise ImportError(f"{target!r} names no object: it must be module:object")
    found: object = import_module(match[1])
    for attribute in (match[2] or "").split(".") if match[2] else ():
        found = getattr(found, attribute)
    return found


def _asked(group: str) -> Iterator[Registered]:
    from importlib.metadata import entry_points

    for point in entry_points(group=group):
        try:
            distribution, version = canonical_name(point.dist.name), point.dist.version  # type: ignore[union-attr]
        except Exception:  # noqa: BLE001  damaged metadata of a stranger; KeyError, TypeError or a parser's own error
            distribution, version = UNKNOWN
        yield Registered(group, point.name, distribution, version, point.value, point.load)
