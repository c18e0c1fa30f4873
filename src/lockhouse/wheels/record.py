"""RECORD: what a wheel says its files are, and whether it speaks of all of them."""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
import string
from collections.abc import Iterable, Mapping

from lockhouse.values import dataclass
from lockhouse.wheels.issues import Issue
from lockhouse.wheels.members import Member

__all__ = ["RecordEntry", "inspect_record", "read_record"]

WEAK = frozenset({"md5", "sha1"})
"""Forbidden in RECORD: "sha256 or better" (binary distribution format, "Signed wheel files")."""

STRONG = ("sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s")
SIGNATURES = ("RECORD", "RECORD.jws", "RECORD.p7s")
"""Files of ``.dist-info`` that cannot be, or need not be, listed with a hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEntry:
    """What RECORD says of a file: name of the hash algorithm as hashlib knows it, hex digest, size in bytes or None.

    Both are empty for RECORD itself.
    """

    path: str
    algorithm: str
    digest: str
    size: int | None


def read_record(data: bytes, issues: list[tuple[Issue, str]]) -> Mapping[str, RecordEntry]:
    """Parse RECORD (recording installed projects, "The RECORD file"); add to ``issues`` what cannot be understood."""
    entries: dict[str, RecordEntry] = {}
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        issues.append((Issue.RECORD_UNREADABLE, str(error)))
        return entries
    for line, row in enumerate(rows, 1):
        if not row:
            continue
        if len(row) != 3:
            issues.append((Issue.RECORD_UNREADABLE, f"line {line} has {len(row)} columns"))
            continue
        path, said, size = row
        entry = _entry(path, said, size)
        if entry is None:
            issues.append((Issue.RECORD_UNREADABLE, f"line {line}: {','.join(row)[:200]!r}"))
        elif path in entries and entries[path] != entry:
            issues.append((Issue.RECORD_CONTRADICTS, f"line {line} contradicts an earlier one on {path!r}"))
        elif path.startswith(("/", "\\")) or ".." in path.replace("\\", "/").split("/"):
            issues.append((Issue.RECORD_PATH, f"line {line} lists {path!r}, which is outside of the wheel"))
        else:
            entries[path] = entry
    return entries


def inspect_record(
    entries: Mapping[str, RecordEntry], members: Iterable[Member], dist_info: str, issues: list[tuple[Issue, str]]
) -> Mapping[str, RecordEntry]:
    """Compare RECORD with the archive; return the entries of the files that are there and have a hash."""
    exempt = {f"{dist_info}/{name}" for name in SIGNATURES}
    kept: dict[str, RecordEntry] = {}
    for member in members:
        if member.path in exempt:
            continue
        entry = entries.get(member.path)
        if entry is None:
            issues.append((Issue.RECORD_INCOMPLETE, f"{member.path!r} is not in RECORD"))
        elif not entry.algorithm:
            issues.append((Issue.RECORD_NO_HASH, f"{member.path!r} has no hash in RECORD"))
        elif entry.algorithm not in STRONG:
            issues.append((Issue.RECORD_WEAK_HASH, f"{member.path!r} has only {entry.algorithm}"))
        elif entry.size is not None and entry.size != member.size:
            text = f"{member.path!r} has {member.size} bytes, RECORD says {entry.size}"
            issues.append((Issue.RECORD_SIZE, text))
        else:
            kept[member.path] = entry
    present = {member.path for member in members}
    issues.extend(
        (Issue.RECORD_MISSING_FILE, f"RECORD lists {path!r}, which is not there")
        for path in entries
        if path not in present and path not in exempt and not path.endswith("/")
    )
    return kept


def _entry(path: str, said: str, size: str) -> RecordEntry | None:
    if not path or (size and not (size.isascii() and size.isdigit())):
        return None
    algorithm, _, value = said.partition("=")
    algorithm = algorithm.lower()
    digest = _hex(algorithm, value) if said else ""
    if digest is None:
        return None
    return RecordEntry(path=path, algorithm=algorithm, digest=digest, size=int(size) if size else None)


def _hex(algorithm: str, value: str) -> str | None:
    """The digest in hex; RECORD holds urlsafe base64 without padding, and in some real wheels (gmsh) hex."""
    length = 2 * hashlib.new(algorithm).digest_size if algorithm in STRONG else None
    if length == len(value) and not set(value) - set(string.hexdigits):
        return value.lower()
    try:
        digest = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True).hex()
    except (binascii.Error, ValueError):
        return None
    return digest if length in (None, len(digest)) else None
