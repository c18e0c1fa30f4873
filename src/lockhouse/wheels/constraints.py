"""Constraints that pip's configuration names (``constraint = …``): versions that nobody on this machine may leave.

The files have the form of pip's requirements files (pip user guide, "Requirements File Format"). A line that is no
plain requirement binds nothing here, and is told.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urljoin

from packaging.requirements import InvalidRequirement, Requirement

from lockhouse.errors import Hint, UsageError
from lockhouse.values import dataclass
from lockhouse.wheels.configuration import shown_url
from lockhouse.wheels.local import local_path

__all__ = ["Constraint", "read_constraints"]

COMMENT = re.compile(r"(^|\s+)#.*$")
NESTED = re.compile(r"(?:-c|-r|--constraint|--requirement)(?:\s+|=|(?<=-[cr]))(\S+)$")
HASHES = re.compile(r"\s+--hash[=\s]\S+")

Fetch = Callable[[str], str]
"""Gives the text at an ``http:`` address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One line: its requirement, and where it stands (``/etc/pip/constraints.txt, line 2``)."""

    requirement: str
    origin: str


def read_constraints(locations: Iterable[str], fetch: Fetch, tell: Callable[[str], None]) -> tuple[Constraint, ...]:
    """Read the files and pages that the configuration names, and those that these name.

    ``tell`` takes a sentence about each line that cannot count. Raises UsageError for a file that is not there or a
    line that is nothing at all, NetworkError for a page out of reach.
    """
    seen: set[str] = set()
    return tuple(line for location in locations for line in _read(location, fetch, tell, seen))


def _read(location: str, fetch: Fetch, tell: Callable[[str], None], seen: set[str]) -> Iterator[Constraint]:
    if location in seen:
        return
    seen.add(location)
    for number, line in _lines(_text(location, fetch)):
        origin = f"{shown_url(location)}, line {number}"
        if nested := NESTED.match(line):
            yield from _read(_beside(location, nested[1]), fetch, tell, seen)
        elif line.startswith("-"):
            tell(f"{origin}: {line.split('=')[0].split()[0]} does not count: only requirements do")
        else:
            try:
                requirement = Requirement(line)
            except InvalidRequirement as error:
                raise UsageError(
                    "a constraint of pip's configuration is no requirement",
                    cause=f"{origin}: {line!r}",
                    hints=[Hint("mend-constraint", "mend the line, or take the file out of pip's option constraint")],
                ) from error
            if requirement.url is not None or requirement.extras:
                tell(f"{origin}: {requirement.name} does not count: only versions can be constrained")
            else:
                yield Constraint(requirement=str(requirement), origin=origin)


def _text(location: str, fetch: Fetch) -> str:
    path = local_path(location)
    if path is None:
        return fetch(location)
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise UsageError(
            "the constraints of pip's configuration cannot be read",
            cause=f"{path}: {error.strerror}",
            hints=[Hint("mend-constraint", "correct pip's option constraint, or PIP_CONSTRAINT")],
        ) from error


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield what stands in a file, with the number of the line that it begins in; a backslash continues a line."""
    waiting, begun = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        begun = begun if waiting else number
        if line.endswith("\\") and not COMMENT.search(line):
            waiting += line.removesuffix("\\") + " "
            continue
        whole = HASHES.sub("", COMMENT.sub("", waiting + line)).strip()
        waiting = ""
        if whole:
            yield begun, whole
    if waiting.strip():
        yield begun, HASHES.sub("", waiting).strip()


def _beside(location: str, other: str) -> str:
    """Where a file lies that another one names: relative to that one."""
    if "://" in other:
        return other
    path = local_path(location)
    return urljoin(location, other) if path is None else os.path.normpath(path.parent / other)
