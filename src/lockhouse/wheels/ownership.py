"""Whose a file of an environment is, and what is said when two want to be at one place."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import os
from pathlib import Path

from lockhouse.environments import Scheme
from lockhouse.errors import BuildError, Hint

__all__ = ["collision", "holds_the_same", "owner_of"]


def owner_of(place: Path, scheme: Scheme) -> str:
    """Name the distribution that an earlier installation has a file, or a folder, from; it stands in its RECORD."""
    for site in {scheme.purelib, scheme.platlib}:
        wanted = os.path.normcase(os.path.relpath(place, site))
        for listing in sorted(site.glob("*.dist-info/RECORD")):
            with listing.open(encoding="utf-8", newline="") as file:
                for row in csv.reader(file):
                    path = os.path.normcase(os.path.normpath(row[0])) if row else ""
                    if path == wanted or path.startswith(f"{wanted}{os.sep}"):
                        return listing.parent.name.removesuffix(".dist-info")
    return "the environment itself"


def holds_the_same(place: Path, sha256: str) -> bool:
    """Whether there is a regular file with that content, and no link."""
    if place.is_symlink() or not place.is_file():
        return False
    with contextlib.suppress(OSError), place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    return False


def collision(root: Path, place: Path, first: str, second: str) -> BuildError:
    """Two distributions bring one file, and it is not the same."""
    path = place.relative_to(root).as_posix()
    return BuildError(
        f"{first} and {second} both bring {path}",
        cause="the two differ, and neither may replace the other",
        hints=[Hint("choose-one", f"leave out one of the two, or a version of {second} that does not bring the file")],
    )
