"""Unpacking: members of a judged wheel become read-only files, each checked against RECORD while it is written.

It reads the archive itself: its table has been judged already (:mod:`lockhouse.wheels.wheelfile`), and opening each of
tens of thousands of members through ``zipfile`` costs more than inflating and hashing them. Memory is bounded by
:data:`BATCH` and the blocks of :mod:`lockhouse.store.reading` per worker, however large a member is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lockhouse.errors import Hint, IntegrityError, StorageError, UnsafeWheel
from lockhouse.store.entries import StoredFile, mtime_of
from lockhouse.store.inflating import broken, inflater
from lockhouse.store.reading import begin_of, blocks_of, read_at
from lockhouse.wheels.issues import Issue
from lockhouse.wheels.wheelfile import Wheel

__all__ = ["NOT_FROM_WHEELS", "Part", "parts_of", "unpack"]

NOT_FROM_WHEELS = frozenset({"RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json"})
"""What describes an installation is written by whoever installs; signatures are those of the archive's RECORD."""

BATCH = 4 << 20
"""Bytes of an archive that are read at once; members that are larger, packed or unpacked, are read in blocks."""

ROOM = 4096
"""Bytes guessed for headers between members when neighbours are read together."""

FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
# Names of files are below a folder that was just made and that nobody else knows: nothing there can be a link.
INTERPRETER = b"#!python"


class Part(NamedTuple):
    """One member to unpack; ``packed_size`` and ``size`` in bytes, the digest in hex, by ``algorithm`` of hashlib."""

    path: str
    offset: int
    packed: bool
    packed_size: int
    size: int
    executable: bool
    algorithm: str
    digest: str


def parts_of(wheel: Wheel) -> list[Part]:
    """List what is kept of a wheel, in the order of the archive: no bytecode, no notes of an installer."""
    scripts = f"{wheel.data_dir}/scripts/"
    notes = {f"{wheel.dist_info}/{name}" for name in NOT_FROM_WHEELS}
    parts = []
    for item in wheel.members:
        path = item.path
        if path in notes or "__pycache__" in path.split("/")[:-1]:  # purge would remove bytecode
            continue
        said = wheel.record[path]
        # "Unix installers may need to add the +x bit to these files" (wheel standard, "Recommended features")
        executable = item.executable or path.startswith(scripts)
        parts.append(
            Part(
                path, item.offset, item.packed, item.compressed_size, item.size, executable, said.algorithm, said.digest
            )
        )
    parts.sort(key=lambda part: part.offset)
    return parts


def unpack(wheel: str, filename: str, parts: Sequence[Part], folder: str) -> list[tuple[StoredFile, bool]]:
    """Unpack parts of an archive, in the order of their offsets, into ``folder``; the folders they need must be there.

    Returns each file, and whether it is a script without an interpreter yet. Raises IntegrityError for a file that
    RECORD contradicts, UnsafeWheel where the archive is broken, StorageError where it cannot be read, OSError.
    """
    files: list[tuple[StoredFile, bool]] = []
    try:
        handle = os.open(wheel, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise StorageError(f"cannot read {wheel}", cause=error.strerror) from error
    try:
        for batch in _batches(parts):
            if len(batch) == 1 and max(batch[0].packed_size, batch[0].size) > BATCH:
                files.append(_unpack_large(handle, filename, batch[0], folder))
            else:
                files.extend(_unpack_batch(handle, filename, batch, folder))
    except broken() as error:
        raise UnsafeWheel(filename, Issue.NO_ARCHIVE, str(error)) from error
    finally:
        os.close(handle)
    return files


def _batches(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Group neighbours in the archive so that one read serves many; what is large stays alone."""
    batch: list[Part] = []
    size = 0
    for part in parts:
        large = part.packed_size > BATCH or part.size > BATCH
        if batch and (large or part.offset + part.packed_size + ROOM - batch[0].offset > BATCH or size > BATCH):
            yield batch
            batch, size = [], 0
        batch.append(part)
        size += part.size
        if large:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _unpack_batch(handle: int, filename: str, batch: list[Part], folder: str) -> Iterator[tuple[StoredFile, bool]]:
    start = batch[0].offset
    data = memoryview(read_at(handle, batch[-1].offset + batch[-1].packed_size + ROOM - start, start))
    for part in batch:
        begin = begin_of(data[part.offset - start :], filename, part.path) + part.offset - start
        packed = data[begin : begin + part.packed_size]
        if len(packed) < part.packed_size:  # a header longer than was guessed
            packed = memoryview(read_at(handle, part.packed_size, start + begin))
        if part.packed:
            made = inflater()
            content: bytes | memoryview = made.decompress(packed, part.size + 1)
            # The last bytes out may leave the end mark of the packed data unread.
            if len(content) == part.size and not made.eof:
                made.decompress(made.unconsumed_tail, 1)
            if not made.eof and len(content) <= part.size:
                raise UnsafeWheel(filename, Issue.NO_ARCHIVE, f"{part.path!r} ends early")
        else:
            content = packed
        sha256 = hashlib.sha256(content).hexdigest()
        actual = sha256 if part.algorithm == "sha256" else hashlib.new(part.algorithm, content).hexdigest()
        _compare(filename, part, actual, len(content))
        yield _write(part, content, sha256, folder), part.executable and bytes(content[:8]) == INTERPRETER


def _write(part: Part, content: bytes | memoryview, sha256: str, folder: str) -> StoredFile:
    place = f"{folder}/{part.path}"
    output = _create(place, 0o555 if part.executable else 0o444)
    try:
        written = os.write(output, content) if part.size else 0
        while written < part.size:
            written += os.write(output, content[written:])
        if _can_seal_open():
            return _seal(output, part, sha256)
    finally:
        os.close(output)
    return _seal(place, part, sha256)


def _unpack_large(handle: int, filename: str, part: Part, folder: str) -> tuple[StoredFile, bool]:
    begin = part.offset + begin_of(memoryview(read_at(handle, ROOM, part.offset)), filename, part.path)
    sha256 = hashlib.sha256()
    digest = sha256 if part.algorithm == "sha256" else hashlib.new(part.algorithm)
    size, start = 0, b""
    place = f"{folder}/{part.path}"
    output = _create(place, 0o555 if part.executable else 0o444)
    try:
        for block in blocks_of(handle, begin, part.packed_size, packed=part.packed):
            size += len(block)
            if size > part.size:
                break
            sha256.update(block)
            if digest is not sha256:
                digest.update(block)
            start = start or block[:8]
            view = memoryview(block)
            while view:
                view = view[os.write(output, view) :]
        _compare(filename, part, digest.hexdigest(), size)
        headless = part.executable and start == INTERPRETER
        if _can_seal_open():
            return _seal(output, part, sha256.hexdigest()), headless
    finally:
        os.close(output)
    return _seal(place, part, sha256.hexdigest()), headless


def _create(place: str, mode: int) -> int:
    try:
        return os.open(place, FLAGS, mode)
    except FileExistsError:  # whoever began with it was killed
        os.unlink(place)
        return os.open(place, FLAGS, mode)


def _can_seal_open() -> bool:
    """Whether a file can get its time while it is open. Not on Windows, which would write another when it is closed."""
    return os.utime in os.supports_fd


def _seal(file: int | str, part: Part, sha256: str) -> StoredFile:
    """Give a file its time and mode; by descriptor that is half the work, since no name has to be resolved."""
    mtime, mode = mtime_of(sha256), 0o555 if part.executable else 0o444
    os.utime(file, ns=(mtime, mtime))
    found = os.stat(file)  # noqa: PTH116 - may be a descriptor
    if found.st_mode & 0o777 != mode and os.name != "nt":
        os.chmod(file, mode)  # noqa: PTH101 - whatever the umask
    return StoredFile(part.path, part.executable, part.size, sha256, found.st_mtime_ns, found.st_ino)


def _compare(filename: str, part: Part, actual: str, size: int) -> None:
    if actual == part.digest and size == part.size:
        return
    raise IntegrityError(
        f"{part.path} in {filename} is not the file that its RECORD names",
        expected=part.digest,
        actual=actual,
        cause=f"RECORD says {part.algorithm} {part.digest}, the file has {actual}",
        hints=[Hint("report-wheel", "the wheel is damaged at its source: report it, or plan another version")],
    )
