"""The part of a distribution's core metadata that decisions are made from, and its cache.

Real metadata is sloppy: wrong encodings, repeated fields, requirements that are none. What can be understood is kept as
it stands; only a missing name or version is an error.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from urllib.parse import urlsplit

from packaging.metadata import parse_email
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lockhouse.errors import StorageError
from lockhouse.project import cache_directory
from lockhouse.state import read_value, write_value
from lockhouse.values import dataclass

__all__ = [
    "Metadata",
    "MetadataError",
    "MetadataVersionError",
    "describes",
    "parse_metadata",
    "recall_metadata",
    "remember_metadata",
]

SCHEMA = "metadata"
LICENCE = "License ::"
LONGEST_LICENCE = 200
"""Characters; some wheels have the whole licence where its name belongs."""


class MetadataError(ValueError):
    """Bytes are no core metadata, or are those of another distribution."""


class MetadataVersionError(MetadataError):
    """Metadata is of a version that nobody here knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Core metadata: ``name`` and ``version`` as written, ``requires`` the ``Requires-Dist`` lines as written.

    ``licence_expression`` is an SPDX expression (PEP 639), ``licence`` the first line of the older free text,
    ``licence_classifiers`` what follows ``License ::`` in classifiers.
    """

    name: str
    version: str
    requires_python: str | None
    requires: tuple[str, ...]
    extras: tuple[str, ...]
    licence_expression: str | None = None
    licence: str | None = None
    licence_classifiers: tuple[str, ...] = ()


def parse_metadata(data: bytes) -> Metadata:
    """Read the headers of a ``METADATA`` file (core metadata specification); raise MetadataError for what is none."""
    raw, unparsed = parse_email(_headers(data))
    written = raw.get("metadata_version", "1.0").strip()
    if written.partition(".")[0] not in ("1", "2"):
        # "MUST fail if metadata_version has a greater major version" (core metadata, Metadata-Version)
        raise MetadataVersionError(f"its metadata is of version {written[:20]!r}; 1.x and 2.x are supported")
    name = raw.get("name") or _first(unparsed, "name")
    version = raw.get("version") or _first(unparsed, "version")
    if not name or not version:
        raise MetadataError(f"the metadata has no {'version' if name else 'name'}")
    try:
        Version(version.strip())
    except InvalidVersion as error:
        raise MetadataError(f"the metadata has a version that is none: {version!r}") from error
    return Metadata(
        name=name.strip(),
        version=version.strip(),
        requires_python=(raw.get("requires_python") or _first(unparsed, "requires-python") or "").strip() or None,
        requires=tuple(" ".join(line.split()) for line in raw.get("requires_dist", ())),
        extras=tuple(extra.strip() for extra in raw.get("provides_extra", ())),
        licence_expression=" ".join(raw.get("license_expression", "").split())[:LONGEST_LICENCE] or None,
        licence=raw.get("license", "").strip().partition("\n")[0].strip()[:LONGEST_LICENCE] or None,
        licence_classifiers=tuple(
            line.removeprefix(LICENCE).strip() for line in raw.get("classifiers", ()) if line.startswith(LICENCE)
        ),
    )


def describes(metadata: Metadata, name: str, version: Version) -> bool:
    """Whether the metadata is that of the distribution ``name`` (any spelling) in ``version``."""
    return canonicalize_name(metadata.name) == canonicalize_name(name) and Version(metadata.version) == version


def recall_metadata(sha256: str, url: str) -> Metadata | None:
    """Return the metadata of the wheel with that hash as the host of ``url`` told it earlier, or None.

    What another host told does not count: a hash is easily claimed, and the wheel may never have been seen.
    """
    return read_value(_path(sha256, url), Metadata, SCHEMA)


def remember_metadata(sha256: str, url: str, metadata: Metadata) -> None:
    """Remember the metadata of a wheel; a cache that cannot be written is no reason to fail."""
    with contextlib.suppress(StorageError):
        write_value(_path(sha256, url), metadata, SCHEMA)


def _headers(data: bytes) -> bytes:
    """Cut the description off: it is the largest part, the slowest to parse, and decides nothing."""
    data = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    return data.partition(b"\n\n")[0] + b"\n\n"


def _first(unparsed: dict[str, list[str]], key: str) -> str | None:
    """A field that must not be repeated and yet is lands among the unparsed: its first value counts."""
    return next(iter(unparsed.get(key, ())), None)


def _path(sha256: str, url: str) -> Path:
    parts = urlsplit(url)
    host = hashlib.sha256(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".encode()).hexdigest()[:12]
    return cache_directory() / "metadata" / "v1" / sha256[:2] / f"{sha256}-{host}.json"
