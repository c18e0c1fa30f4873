"""The stable codes of what can be wrong with a wheel's structure."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Issue"]


class Issue(StrEnum):
    """Why a wheel is refused; the table in docs/security.md explains each, and a test keeps it whole."""

    FILE_NAME = "file-name"
    NO_ARCHIVE = "no-archive"
    DIST_INFO = "dist-info"
    NAME_DISAGREES = "name-disagrees"
    METADATA_UNREADABLE = "metadata-unreadable"
    WHEEL_VERSION = "wheel-version"
    ABSOLUTE_PATH = "absolute-path"
    PATH_LEAVES_TREE = "path-leaves-tree"
    PATH_UNUSABLE = "path-unusable"
    RESERVED_NAME = "reserved-name"
    SPECIAL_FILE = "special-file"
    DUPLICATE_MEMBER = "duplicate-member"
    FILE_AND_FOLDER = "file-and-folder"
    ENCRYPTED = "encrypted"
    COMPRESSION = "compression"
    BOMB = "bomb"
    TOO_LARGE = "too-large"
    UNKNOWN_SCHEME = "unknown-scheme"
    RECORD_UNREADABLE = "record-unreadable"
    RECORD_INCOMPLETE = "record-incomplete"
    RECORD_MISSING_FILE = "record-missing-file"
    RECORD_WEAK_HASH = "record-weak-hash"
    RECORD_HASH = "record-hash"
    RECORD_SIZE = "record-size"
    ENTRY_POINTS = "entry-points"
