"""A wheel read as a hostile thing: everything that decides whether it may be unpacked, without unpacking it.

Of the files inside only those of ``.dist-info`` are read; whether the other files are what RECORD says is checked while
they are unpacked. Every refusal is an UnsafeWheel whose ``issue`` is one of :class:`Issue`.

What real wheels do and must be let do (of 967 looked at): members for folders (256), members without a file mode
(224), files stored unpacked (255), files packed 1016:1 (onnx), RECORD not last in the archive (211), RECORD with a hash
of itself (5: bleach, py, ray, …), RECORD with hex digests where base64 belongs (gmsh). The standard also lets sizes be
absent and names and versions be spelled otherwise inside than in the file name.
"""

from __future__ import annotations

import configparser
import email
import errno
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from packaging.tags import Tag
from packaging.utils import BuildTag, InvalidWheelFilename, NormalizedName, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from lockhouse.errors import StorageError, UnsafeWheel
from lockhouse.values import dataclass
from lockhouse.wheels.commands import EntryPoint, is_command
from lockhouse.wheels.ending import inspect_end
from lockhouse.wheels.issues import Issue
from lockhouse.wheels.members import Member, find_dist_info, inspect_members
from lockhouse.wheels.metadata import Metadata, MetadataError, MetadataVersionError, describes, parse_metadata
from lockhouse.wheels.record import RecordEntry, inspect_record, read_record

__all__ = ["Issue", "Member", "ReadWheels", "RecordEntry", "Wheel", "metadata_in", "read_wheel", "read_wheel_metadata"]

LARGEST_INFO = 256 << 20
"""Bytes of a ``.dist-info`` file that is read into memory; RECORD of the largest known wheels has some 5 MB."""

MISSING = {"METADATA": Issue.METADATA_MISSING, "WHEEL": Issue.WHEEL_MISSING, "RECORD": Issue.RECORD_MISSING}

BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What zipfile raises for broken archives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel whose structure is safe. ``name`` is canonical; ``members`` are the files in archive order, no folders.

    ``record`` is keyed by path in the archive and holds every member but RECORD itself and its signatures.
    ``dist_info`` and ``data_dir`` are the names of these folders inside; ``data_dir`` need not exist.
    """

    path: Path
    filename: str
    name: NormalizedName
    version: Version
    build: BuildTag
    tags: frozenset[Tag]
    metadata: Metadata
    root_is_purelib: bool
    record: Mapping[str, RecordEntry]
    members: tuple[Member, ...]
    dist_info: str
    data_dir: str
    entry_points: tuple[EntryPoint, ...]


def read_wheel(path: Path, *, windows: bool = os.name == "nt") -> Wheel:
    """Read and judge a wheel; raise UnsafeWheel with the first issue as code and all of them in its text.

    ``windows``: the wheel is to be unpacked there, where some names mean devices and others cannot be.
    """
    filename = path.name
    name, version, build, tags = _parse_filename(filename)
    with _opened(path) as archive:
        issues: list[tuple[Issue, str]] = []
        infos = archive.infolist()
        dist_info = find_dist_info(filename, infos, name, version)
        if min((info.header_offset for info in infos), default=0) > 0:
            issues.append((Issue.LEADING_DATA, "something stands before its first file"))
        data_dir = f"{dist_info.removesuffix('.dist-info')}.data"
        members = inspect_members(infos, data_dir, path.stat().st_size, issues, windows=windows)
        _raise(filename, issues)
        metadata = metadata_in(archive, filename)
        purelib = _read_wheel_file(_info(archive, filename, dist_info, "WHEEL"), issues)
        entries = read_record(_info(archive, filename, dist_info, "RECORD"), issues)
        record = inspect_record(entries, members, dist_info, issues)
        entry_points = tuple(_entry_points(archive, filename, dist_info, issues))
        _raise(filename, issues)
    return Wheel(
        path=path,
        filename=filename,
        name=name,
        version=version,
        build=build,
        tags=tags,
        metadata=metadata,
        root_is_purelib=purelib,
        record=record,
        members=members,
        dist_info=dist_info,
        data_dir=data_dir,
        entry_points=entry_points,
    )


class ReadWheels(Mapping[str, Wheel]):
    """Wheels that are known to be safe, by name; each is read when it is first asked for."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths
        self._read: dict[str, Wheel] = {}

    def __getitem__(self, name: str) -> Wheel:
        if name not in self._read:
            self._read[name] = read_wheel(self._paths[name])
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def read_wheel_metadata(path: Path) -> Metadata:
    """Read only the metadata of a wheel; raise UnsafeWheel where it has none or that of another distribution."""
    with _opened(path) as archive:
        return metadata_in(archive, path.name)


def metadata_in(archive: zipfile.ZipFile, filename: str) -> Metadata:
    """Read the metadata of the wheel ``filename`` from its open archive."""
    name, version, _, _ = _parse_filename(filename)
    dist_info = find_dist_info(filename, archive.infolist(), name, version)
    data = _info(archive, filename, dist_info, "METADATA")
    try:
        metadata = parse_metadata(data)
    except MetadataVersionError as error:
        raise UnsafeWheel(filename, Issue.METADATA_VERSION, str(error)) from error
    except MetadataError as error:
        raise UnsafeWheel(filename, Issue.METADATA_UNREADABLE, str(error)) from error
    if not describes(metadata, name, version):
        detail = f"its metadata is that of {metadata.name} {metadata.version}"
        raise UnsafeWheel(filename, Issue.NAME_DISAGREES, detail)
    return metadata


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with path.open("rb") as file:
            inspect_end(file, path.name)
            with zipfile.ZipFile(file) as archive:
                yield archive
    except BROKEN as error:
        raise UnsafeWheel(path.name, Issue.NO_ARCHIVE, str(error) or type(error).__name__) from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # zipfile went where the table sent it: to before the file's beginning
            raise UnsafeWheel(path.name, Issue.NO_ARCHIVE, "its table leads out of the file") from error
        raise StorageError(f"cannot read {path}", cause=error.strerror) from error


def _parse_filename(filename: str) -> tuple[NormalizedName, Version, BuildTag, frozenset[Tag]]:
    try:
        return parse_wheel_filename(filename)
    except (InvalidWheelFilename, InvalidVersion) as error:
        raise UnsafeWheel(filename, Issue.FILE_NAME, str(error)) from error


def _raise(filename: str, issues: list[tuple[Issue, str]]) -> None:
    if issues:
        first, detail = issues[0]
        further = "".join(f"\n{issue}: {text}" for issue, text in issues[1:10])
        if len(issues) > 10:
            further += f"\nand {len(issues) - 10} more"
        raise UnsafeWheel(filename, first, detail + further)


def _info(archive: zipfile.ZipFile, filename: str, dist_info: str, name: str) -> bytes:
    """Read a file that must be in ``.dist-info``, and never more of it than it declares."""
    try:
        member = archive.getinfo(f"{dist_info}/{name}")
    except KeyError as error:
        raise UnsafeWheel(filename, MISSING[name], f"{dist_info}/{name} is missing") from error
    if member.file_size > LARGEST_INFO:
        raise UnsafeWheel(filename, Issue.TOO_LARGE, f"{member.filename} declares {member.file_size} bytes")
    if member.flag_bits & 0x1:
        raise UnsafeWheel(filename, Issue.ENCRYPTED, f"{member.filename} is encrypted")
    with archive.open(member) as file:
        return file.read(LARGEST_INFO)


def _read_wheel_file(data: bytes, issues: list[tuple[Issue, str]]) -> bool:
    """Judge the WHEEL file; return whether the root belongs into purelib."""
    headers = email.message_from_bytes(data)
    version = str(headers.get("Wheel-Version", "")).strip()
    if version.partition(".")[0] != "1":
        # "A wheel installer should … abort if the major version is greater than what it supports" (binary
        # distribution format, Installing a wheel, 1.a)
        issues.append((Issue.WHEEL_VERSION, f"Wheel-Version is {version or 'missing'}; 1.x is supported"))
    return str(headers.get("Root-Is-Purelib", "")).strip().lower() == "true"


def _entry_points(
    archive: zipfile.ZipFile, filename: str, dist_info: str, issues: list[tuple[Issue, str]]
) -> Iterator[EntryPoint]:
    if f"{dist_info}/entry_points.txt" not in archive.NameToInfo:
        return
    text = _info(archive, filename, dist_info, "entry_points.txt").decode("utf-8", "replace")
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign,assignment] # names of commands keep their case
    try:
        parser.read_string(text)
    except configparser.Error as error:
        issues.append((Issue.ENTRY_POINTS, " ".join(str(error).split())))
        return
    for section in ("console_scripts", "gui_scripts"):
        for name, target in parser.items(section) if parser.has_section(section) else ():
            if not is_command(name, target.strip()):
                text = f"{name} = {target.strip()} is no command of the form name = module:function"
                issues.append((Issue.COMMAND, text))
            else:
                yield EntryPoint(name=name, target=target.strip(), gui=section == "gui_scripts")
