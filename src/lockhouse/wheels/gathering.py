"""Gathering facts: a wheel is judged, and what the rules ask about is read out of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from lockhouse.errors import StorageError, UnsafeWheel
from lockhouse.extensions import may_be_compiled, module_tag
from lockhouse.store.inflating import broken
from lockhouse.store.unpacking import NOT_FROM_WHEELS
from lockhouse.wheels.facts import READER, StartUpHook, WheelFacts
from lockhouse.wheels.issues import Issue
from lockhouse.wheels.members import Member
from lockhouse.wheels.opened import OpenedWheel
from lockhouse.wheels.wheelfile import Wheel, read_wheel

__all__ = ["gather_facts"]

LONGEST_LINE = 200
"""Characters of a line of a ``.pth`` file that are told."""

AT_START_UP = frozenset({"sitecustomize", "usercustomize"})
LINE_END = re.compile(r"\r\n|\r|\n")
SOURCE = (".py", ".pyc", ".so", ".pyd")


def gather_facts(path: Path, *, windows: bool = os.name == "nt") -> WheelFacts:
    """Read and judge a wheel, and gather the facts; raise UnsafeWheel for one that is not safe, StorageError."""
    wheel = read_wheel(path, windows=windows)
    files = [member for member in wheel.members if _is_installed(member.path, wheel)]
    places = [(member, _in_site(member.path, wheel)) for member in files]
    top = _top_level(place for _, place in places if place is not None)
    try:
        with OpenedWheel(wheel) as archive:
            archive.inspect_headers()
            return WheelFacts(
                reader=READER,
                filename=wheel.filename,
                windows=windows,
                name=wheel.name,
                version=str(wheel.version),
                purelib=wheel.root_is_purelib,
                dist_info=wheel.dist_info,
                data_dir=wheel.data_dir,
                metadata=wheel.metadata,
                size=sum(member.size for member in wheel.members),
                modules=top.modules,
                namespaces=top.namespaces,
                roots=top.roots,
                elsewhere=tuple(member.path for member, place in places if place is None),
                commands=wheel.entry_points,
                hooks=tuple(_hooks(places, archive)),
                extensions=tuple(archive.extension(member) for member in files if may_be_compiled(member.path)),
                contents="\n".join(f"{archive.sha256(member)} {member.path}" for member in files),
            )
    except broken() as error:
        raise UnsafeWheel(wheel.filename, Issue.NO_ARCHIVE, str(error)) from error
    except OSError as error:
        raise StorageError(f"cannot read {path}", cause=error.strerror) from error


def _is_installed(path: str, wheel: Wheel) -> bool:
    folder, _, name = path.rpartition("/")
    return not (folder == wheel.dist_info and name in NOT_FROM_WHEELS) and "__pycache__" not in folder.split("/")


def _in_site(path: str, wheel: Wheel) -> str | None:
    """Where below ``site-packages`` a file comes to lie; None for one that goes elsewhere."""
    if not path.startswith(f"{wheel.data_dir}/"):
        return path
    scheme, _, rest = path.removeprefix(f"{wheel.data_dir}/").partition("/")
    return rest if scheme in ("purelib", "platlib") else None


class _TopLevel(NamedTuple):
    modules: tuple[str, ...]
    namespaces: tuple[str, ...]
    roots: tuple[str, ...]


def _top_level(places: Iterable[str]) -> _TopLevel:
    """Tell modules from namespaces: a package is a folder that has an ``__init__``."""
    roots: set[str] = set()
    modules: set[str] = set()
    folders: set[str] = set()
    for place in places:
        root, _, rest = place.partition("/")
        roots.add(root)
        if not rest:
            modules.update(_module(root))
        elif root not in folders and root.isidentifier() and place.endswith(SOURCE):
            folders.add(root)
        if "/" not in rest and next(iter(_module(rest)), None) == "__init__" and root.isidentifier():
            modules.add(root)
    return _TopLevel(tuple(sorted(modules)), tuple(sorted(folders - modules)), tuple(sorted(roots)))


def _module(name: str) -> Iterator[str]:
    """Give the name of the module that a file would be imported as, if any."""
    stem, _, ending = name.partition(".")
    if stem.isidentifier() and (ending in ("py", "pyc") or module_tag(name) is not None):
        yield stem


def _hooks(places: Iterable[tuple[Member, str | None]], archive: OpenedWheel) -> Iterator[StartUpHook]:
    for member, place in places:
        if place is None:
            continue
        root, _, rest = place.partition("/")
        if not rest and root.endswith(".pth"):
            yield from _lines(member, archive.text(member))
        elif root.partition(".")[0] in AT_START_UP and (not rest or rest.startswith("__init__.")):
            yield StartUpHook(path=member.path, kind="module")


def _lines(member: Member, text: str) -> Iterator[StartUpHook]:
    """Read a ``.pth`` file as :func:`site.addpackage` does."""
    for line in LINE_END.split(text):
        if not line.strip() or line.startswith("#"):
            continue
        code = line.startswith(("import ", "import\t"))
        yield StartUpHook(path=member.path, kind="code" if code else "path", text=line.strip()[:LONGEST_LINE])
