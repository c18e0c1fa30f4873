"""Core metadata as it is found in the wild, and its cache."""

from __future__ import annotations

import pytest
from packaging.version import Version

from lockhouse.project import cache_directory
from lockhouse.wheels.metadata import (
    Metadata,
    MetadataError,
    describes,
    parse_metadata,
    recall_metadata,
    remember_metadata,
)

HASH = "ab" * 32
URL = "https://h.example/a-1-py3-none-any.whl"


def test_headers_are_read_and_the_description_is_not() -> None:
    data = b"""Metadata-Version: 2.1
Name: Some.Thing
Version: 1.0+cu124
Requires-Python: >=3.9
Requires-Dist: numpy>=1.0
Requires-Dist: torch (>=2.0) ; extra == "gpu"
Provides-Extra: gpu

Name: not-me
Requires-Dist: not-this
"""
    assert parse_metadata(data) == Metadata(
        name="Some.Thing",
        version="1.0+cu124",
        requires_python=">=3.9",
        requires=("numpy>=1.0", 'torch (>=2.0) ; extra == "gpu"'),
        extras=("gpu",),
    )


def test_sloppy_metadata_is_understood() -> None:
    data = (
        b"\xef\xbb\xbfMetadata-Version: 2.9\r\nName: a\r\nName: b\r\nVersion:  1.0 \r\nSummary: caf\xe9\r\n"
        b"Requires-Dist: x\r\n  >=1\r\nRequires-Dist: ???\r\nRequires-Python: >=3\r\nRequires-Python: >=4\r\n\r\nText"
    )
    found = parse_metadata(data)
    assert (found.name, found.version, found.requires_python) == ("a", "1.0", ">=3")
    assert found.requires == ("x >=1", "???")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no name"),
        (b"<html>not here</html>", "no name"),
        (b"Name: a\n\n", "no version"),
        (b"Name: a\nVersion: latest\n\n", "'latest'"),
    ],
)
def test_metadata_without_identity_is_an_error(data: bytes, message: str) -> None:
    with pytest.raises(MetadataError, match=message):
        parse_metadata(data)


def test_identity_does_not_depend_on_spelling() -> None:
    metadata = parse_metadata(b"Name: Some_Thing\nVersion: 1.0.0\n\n")
    assert describes(metadata, "some.thing", Version("1.0"))
    assert not describes(metadata, "some-thing", Version("1.1"))
    assert not describes(metadata, "other", Version("1.0"))


def test_what_is_remembered_is_recalled() -> None:
    metadata = parse_metadata(b"Name: a\nVersion: 1\nRequires-Dist: b\n\n")
    assert recall_metadata(HASH, URL) is None
    remember_metadata(HASH, URL, metadata)
    assert recall_metadata(HASH, URL) == metadata
    assert recall_metadata(HASH, URL.replace("//", "//me:pw@")) == metadata
    assert recall_metadata(HASH, "https://other.example/a-1-py3-none-any.whl") is None


def test_damaged_cache_counts_as_empty() -> None:
    remember_metadata(HASH, URL, parse_metadata(b"Name: a\nVersion: 1\n\n"))
    (file,) = (cache_directory() / "metadata" / "v1" / HASH[:2]).iterdir()
    file.write_bytes(file.read_bytes()[:20])
    assert recall_metadata(HASH, URL) is None


def test_cache_that_cannot_be_written_is_no_failure() -> None:
    cache_directory().mkdir(parents=True)
    (cache_directory() / "metadata").write_bytes(b"")
    remember_metadata(HASH, URL, parse_metadata(b"Name: a\nVersion: 1\n\n"))
    assert recall_metadata(HASH, URL) is None
