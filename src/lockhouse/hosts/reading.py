"""Reading what lies in the folders that an environment imports from. Nothing of it is imported or run.

What counts as a distribution is what :mod:`importlib.metadata` takes for one: ``.dist-info`` and ``.egg-info`` beside
the packages, and the metadata of an unpacked egg that is imported from.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lockhouse.hosts.legacy import legacy_paths, legacy_requires
from lockhouse.hosts.packages import names_from_paths
from lockhouse.inventory import HostDistribution, HostProblem
from lockhouse.names import canonical_name
from lockhouse.wheels.metadata import Metadata, MetadataError, parse_metadata

__all__ = ["is_metadata", "read_site", "recorded_paths"]

ENDINGS = (".dist-info", ".egg-info")
EGG = "EGG-INFO"
LARGEST = 64 << 20
"""Bytes of a metadata file that are read; those of the largest known distributions have some 5 MB."""


def is_metadata(name: str) -> bool:
    """Whether an entry of a folder is the metadata of a distribution, by its name."""
    return name.endswith(ENDINGS) or name == EGG


def read_site(site: Path) -> Iterator[HostDistribution | HostProblem]:
    """Read the distributions in a folder, sorted by the names of their metadata, and what is wrong there."""
    try:
        names = sorted(os.listdir(site))  # noqa: PTH208 - names are wanted
    except OSError as error:
        yield HostProblem(
            code="unreadable-folder",
            path=str(site),
            distribution="",
            message=f"{site} is imported from and cannot be read: {error.strerror}",
        )
        return
    links = {canonical_name(name.removesuffix(".egg-link")) for name in names if name.endswith(".egg-link")}
    for name in names:
        if is_metadata(name):
            yield from _read(site, site / name, links)
        elif name.startswith("~") and len(name) > 1:
            yield HostProblem(
                code="leftover",
                path=str(site / name),
                distribution="",
                message=f"{site / name} was left behind by an installation with pip that was cut off",
            )


def recorded_paths(distribution: HostDistribution) -> list[str] | None:
    """Paths of the files of a distribution, relative to its site, with ``/``; None where they are not known."""
    metadata, site = Path(distribution.metadata), Path(distribution.site)
    data = _bytes(metadata / "RECORD")
    return legacy_paths(metadata, site) if data is None else _recorded(data)


def _read(site: Path, metadata: Path, links: set[str]) -> Iterator[HostDistribution | HostProblem]:
    guessed = canonical_name(metadata.stem.partition("-")[0]) if metadata.name != EGG else ""
    file = metadata
    if metadata.is_dir():
        file = metadata / ("METADATA" if metadata.name.endswith(".dist-info") else "PKG-INFO")
    data = _bytes(file)
    if data is None:
        yield HostProblem(
            code="no-metadata",
            path=str(metadata),
            distribution=guessed,
            message=f"{metadata} has no readable {file.name}: what it was cannot be told",
        )
        return
    try:
        parsed = parse_metadata(data)
    except MetadataError as error:
        yield HostProblem(
            code="unreadable-metadata", path=str(metadata), distribution=guessed, message=f"{file}: {error}"
        )
        return
    distribution = _described(site, metadata, parsed, links)
    yield distribution
    if distribution.files is None and metadata.name.endswith(".dist-info"):
        yield HostProblem(
            code="no-record",
            path=str(metadata),
            distribution=distribution.name,
            message=f"{distribution.name} {distribution.version} has no RECORD: its files cannot be told or checked",
        )


def _described(site: Path, metadata: Path, parsed: Metadata, links: set[str]) -> HostDistribution:
    name = canonical_name(parsed.name)
    record = _bytes(metadata / "RECORD")
    paths = legacy_paths(metadata, site) if record is None else _recorded(record)
    imports = names_from_paths(paths or ())
    if not imports:
        imports = tuple(sorted({line for line in _lines(metadata / "top_level.txt") if line.isidentifier()}))
    direct = _json(metadata / "direct_url.json")
    folder = direct.get("dir_info")
    editable = isinstance(folder, dict) and folder.get("editable") is True
    address = direct.get("url")
    installer = _lines(metadata / "INSTALLER")
    legacy = _bytes(metadata / "requires.txt")
    return HostDistribution(
        name=name,
        version=parsed.version,
        site=str(site),
        metadata=str(metadata),
        installer=installer[0] if installer else None,
        requested=(metadata / "REQUESTED").exists(),
        editable=editable or name in links,
        origin=address if isinstance(address, str) else None,
        requires_python=parsed.requires_python,
        requires=parsed.requires or tuple(legacy_requires(legacy.decode("utf-8", "replace")) if legacy else ()),
        extras=parsed.extras,
        imports=imports,
        record=None if record is None else hashlib.sha256(record).hexdigest(),
        files=None if record is None or paths is None else len(paths),
    )


def _recorded(record: bytes) -> list[str] | None:
    """Paths in RECORD, relative to the site; None if it is no table. A torch has ten thousand: no value for each."""
    text = record.decode("utf-8", "replace")
    try:
        rows: Sequence[str] = [row[0] for row in csv.reader(text.splitlines()) if row]
    except csv.Error:
        return None
    return [os.path.normpath(path).replace(os.sep, "/") if ".." in path else path for path in rows]


def _bytes(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError:
        return None


def _lines(path: Path) -> list[str]:
    data = _bytes(path)
    return (
        [] if data is None else [line.strip() for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    )


def _json(path: Path) -> dict[str, Any]:
    data = _bytes(path)
    try:
        document = json.loads(data) if data else {}
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
