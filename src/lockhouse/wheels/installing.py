"""Wheels into an environment, by the rules of the wheel standard and against RECORD, file by file.

Which part goes where, the scripts and the new RECORD are the work of PyPA's ``installer``; what is added here is that
no byte is kept that RECORD does not vouch for, that no file replaces another, and that two wheels can go in at once.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import os
import re
import threading
import zipfile
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.records import Hash, RecordEntry
from installer.scripts import Script
from installer.sources import WheelContentElement, WheelSource
from installer.utils import Scheme as SchemeName
from installer.utils import fix_shebang, get_launcher_kind

from lockhouse.environments import Scheme
from lockhouse.environments.generations import METADATA
from lockhouse.errors import BuildError, Hint, IntegrityError, UnsafeWheel
from lockhouse.state import storage_errors
from lockhouse.wheels import record
from lockhouse.wheels.issues import Issue
from lockhouse.wheels.wheelfile import EntryPoint, Wheel

if TYPE_CHECKING:
    from installer.scripts import ScriptSection

__all__ = ["INSTALLER", "Installation"]

INSTALLER = b"lockhouse\n"

BLOCK = 1 << 20
# What describes an installation is written by whoever installs; signatures are those of the archive's RECORD.
NOT_FROM_WHEELS = frozenset({"RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json"})
TARGET = re.compile(r"[\w.]+\s*:\s*[\w.]+\s*(\[.*\])?")
COMMAND = re.compile(r"[^\s#;\[\]=:][^=:]*")
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError)


@dataclass(frozen=True, slots=True)
class _Contest:
    """A file that a wheel brings and another wheel, perhaps still being written, brought first."""

    place: str
    first: str
    second: str
    sha256: str
    executable: bool


class Installation:
    """Wheels that go into the environment at ``root``; :meth:`install` may be called from several threads.

    ``advanced`` is told, in those threads, of each member of a wheel that is done with.
    """

    def __init__(self, root: Path, scheme: Scheme, advanced: Callable[[], None] = lambda: None) -> None:
        self.root = root
        self.scheme = scheme
        self.advanced = advanced
        self._abandoned = False
        self._reserved = str(root / METADATA).casefold()
        self._lock = threading.Lock()
        self._claims: dict[str, str] = {}
        self._contests: list[_Contest] = []

    def install(self, wheel: Wheel, *, requested: bool) -> None:
        """Unpack one wheel. ``requested``: somebody listed it, it is no mere dependency (PEP 376, REQUESTED).

        Raises IntegrityError for a file that RECORD contradicts, UnsafeWheel for what cannot be unpacked safely,
        BuildError when another file is in the way, StorageError. The environment is then to be thrown away.
        """
        notes = {"INSTALLER": INSTALLER} | ({"REQUESTED": b""} if requested else {})
        try:
            with storage_errors(self.root), zipfile.ZipFile(wheel.path) as archive:
                install(_Source(wheel, archive, self.advanced), _Destination(self, wheel), notes)
        except BROKEN as error:
            raise UnsafeWheel(wheel.filename, Issue.NO_ARCHIVE, str(error)) from error

    def abandon(self) -> None:
        """Let every :meth:`install` that is under way end soon, with a BuildError."""
        self._abandoned = True

    def settle(self) -> None:
        """Judge files that several wheels brought, once all have been written: they must not differ."""
        for contest in self._contests:
            place = Path(contest.place)
            if _sha256(place) != contest.sha256:
                raise self._collision(place, contest.first, contest.second)
            if contest.executable:
                place.chmod(0o755)
        self._contests.clear()

    def write(self, place: str, blocks: Iterator[bytes], executable: bool, name: str) -> tuple[str, int]:
        """Write one file of a distribution; return sha256 (hex) and size. The file's folder is made."""
        if place.casefold().startswith(self._reserved):
            raise BuildError(f"{name} brings {place}, where no distribution may write")
        blocks = self._unless_abandoned(blocks)
        with self._lock:
            first = self._claims.setdefault(os.path.normcase(place), name)
        if first != name:
            sha256, size = _drain(blocks)
            with self._lock:
                self._contests.append(_Contest(place, first, name, sha256, executable))
            return sha256, size
        try:
            os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120 - once per file
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        except (FileExistsError, NotADirectoryError) as error:
            sha256, size = _drain(blocks)
            existing = Path(place)
            if existing.is_symlink() or not existing.is_file() or _sha256(existing) != sha256:
                raise self._collision(existing, self._owner(existing), name) from error
            return sha256, size
        with open(handle, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor
            sha256, size = _drain(blocks, file)
            if hasattr(os, "fchmod"):
                os.fchmod(handle, 0o755 if executable else 0o644)  # whatever the umask: the tree digest counts it
        return sha256, size

    def _unless_abandoned(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            if self._abandoned:
                raise BuildError("the installation was given up")
            yield block

    def _owner(self, place: Path) -> str:
        """Name the distribution that an earlier installation has the file from; it stands in its RECORD."""
        for site in {self.scheme.purelib, self.scheme.platlib}:
            wanted = os.path.normcase(os.path.relpath(place, site))
            for listing in site.glob("*.dist-info/RECORD"):
                with listing.open(encoding="utf-8", newline="") as file:
                    if any(row and os.path.normcase(os.path.normpath(row[0])) == wanted for row in csv.reader(file)):
                        return listing.parent.name.removesuffix(".dist-info")
        return "the environment itself"

    def _collision(self, place: Path, first: str, second: str) -> BuildError:
        path = place.relative_to(self.root).as_posix()
        return BuildError(
            f"{first} and {second} both bring {path}",
            cause="the two differ, and neither may replace the other",
            hints=[
                Hint("choose-one", f"leave out one of the two, or a version of {second} that does not bring the file")
            ],
        )


class _Member:
    """A file in a wheel as it is read: what RECORD says of it is checked when the end is reached."""

    def __init__(self, stream: BinaryIO, entry: record.RecordEntry, filename: str) -> None:
        self.stream = stream
        self.entry = entry
        self.filename = filename

    def blocks(self) -> Iterator[bytes]:
        """Give the content in blocks; raise IntegrityError after the last one if it was not what RECORD says."""
        digest, size = hashlib.new(self.entry.algorithm), 0
        while block := self.stream.read(BLOCK):
            digest.update(block)
            size += len(block)
            yield block
        if digest.hexdigest() != self.entry.digest or self.entry.size not in (None, size):
            raise IntegrityError(
                f"{self.entry.path} in {self.filename} is not the file that its RECORD names",
                expected=self.entry.digest,
                actual=digest.hexdigest(),
                cause=f"RECORD says {self.entry.algorithm} {self.entry.digest}, the file has {digest.hexdigest()}",
                hints=[Hint("report-wheel", "the wheel is damaged at its source: report it, or plan another version")],
            )


class _Source(WheelSource):
    """A wheel that has been judged, for ``installer``."""

    def __init__(self, wheel: Wheel, archive: zipfile.ZipFile, advanced: Callable[[], None]) -> None:
        super().__init__(distribution=wheel.name, version=str(wheel.version))
        self.wheel = wheel
        self.archive = archive
        self.advanced = advanced

    @property
    def dist_info_dir(self) -> str:
        return self.wheel.dist_info

    @property
    def data_dir(self) -> str:
        return self.wheel.data_dir

    @property
    def dist_info_filenames(self) -> list[str]:
        prefix = f"{self.wheel.dist_info}/"
        return [item.path.removeprefix(prefix) for item in self.wheel.members if item.path.startswith(prefix)]

    def read_dist_info(self, filename: str) -> str:
        if filename == "entry_points.txt":
            return "".join(self._entry_points())
        if filename == "WHEEL":
            return f"Wheel-Version: 1.0\nRoot-Is-Purelib: {str(self.wheel.root_is_purelib).lower()}\n"
        return self.archive.read(f"{self.wheel.dist_info}/{filename}").decode()

    def validate_record(self) -> None:
        """Each file is validated when it is unpacked."""

    def get_contents(self) -> Iterator[WheelContentElement]:
        for item in self.wheel.members:
            if not self._is_left_out(item.path):
                with self.archive.open(item.path) as stream:
                    member = _Member(cast("BinaryIO", stream), self.wheel.record[item.path], self.wheel.filename)
                    yield (item.path, "", ""), cast("BinaryIO", member), item.executable
            self.advanced()

    def _is_left_out(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if folder == self.wheel.dist_info and name in NOT_FROM_WHEELS:
            return True
        return "__pycache__" in folder.split("/")  # purge would remove it

    def _entry_points(self) -> Iterator[str]:
        """Write the commands anew: ``installer`` asserts what a wheel may well get wrong."""
        for gui in (False, True):
            yield "[gui_scripts]\n" if gui else "[console_scripts]\n"
            for point in self.wheel.entry_points:
                if point.gui == gui:
                    yield f"{point.name} = {self._target(point)}\n"

    def _target(self, point: EntryPoint) -> str:
        if not COMMAND.fullmatch(point.name) or not TARGET.fullmatch(point.target):
            detail = f"{point.name} = {point.target} is no command of the form name = module:function"
            raise UnsafeWheel(self.wheel.filename, Issue.ENTRY_POINTS, detail)
        return point.target


class _Destination(SchemeDictionaryDestination):
    """An environment, for ``installer``."""

    def __init__(self, installation: Installation, wheel: Wheel) -> None:
        scheme = installation.scheme
        super().__init__(
            {
                "purelib": str(scheme.purelib),
                "platlib": str(scheme.platlib),
                "scripts": str(scheme.scripts),
                "data": str(scheme.data),
                # "headers" of a distribution go to a folder of its own, as pip does it.
                "headers": str(scheme.headers / wheel.metadata.name),
            },
            interpreter=str(scheme.python),
            script_kind=get_launcher_kind(),
        )
        self.installation = installation
        self.wheel = wheel

    def write_file(
        self, scheme: SchemeName, path: str | os.PathLike[str], stream: BinaryIO, is_executable: bool
    ) -> RecordEntry:
        if not isinstance(stream, _Member):
            return self.write_to_fs(scheme, os.fspath(path), stream, is_executable)
        blocks = stream.blocks()
        if scheme == "scripts":
            # "Unix installers may need to add the +x bit to these files" (wheel standard, "Recommended features")
            return self._write(scheme, os.fspath(path), self._with_interpreter(blocks), executable=True)
        return self._write(scheme, os.fspath(path), blocks, is_executable)

    def write_script(self, name: str, module: str, attr: str, section: ScriptSection) -> RecordEntry:
        script, data = Script(name, module, attr, section).generate(self.interpreter, self.script_kind)
        return self.write_to_fs(SchemeName("scripts"), script, io.BytesIO(data), is_executable=True)

    def write_to_fs(self, scheme: SchemeName, path: str, stream: BinaryIO, is_executable: bool) -> RecordEntry:
        return self._write(scheme, path, iter(lambda: stream.read(BLOCK), b""), is_executable)

    def _write(self, scheme: SchemeName, path: str, blocks: Iterator[bytes], executable: bool) -> RecordEntry:
        place = os.path.join(self.scheme_dict[scheme], *path.split("/"))  # noqa: PTH118 - once per file
        sha256, size = self.installation.write(place, blocks, executable, self.wheel.name)
        value = urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")
        return RecordEntry(path, Hash("sha256", value), size)

    def _with_interpreter(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Put the environment's interpreter where a script says ``#!python``, as the wheel standard asks."""
        first = next(blocks, b"")
        if not first.startswith(b"#!python"):
            yield first
            yield from blocks
            return
        with fix_shebang(io.BytesIO(first + b"".join(blocks)), self.interpreter) as stream:
            _, _, rest = stream.read().partition(b"\n")
        yield self._header() + b"\n" + rest

    def _header(self) -> bytes:
        """The first lines of a script; for a path that is long or has spaces they are those of generated scripts."""
        if self.script_kind != "posix":
            return f"#!{self.interpreter}".encode()
        _, text = Script("script", "module", "attribute", "console").generate(self.interpreter, self.script_kind)
        return text.partition(b"\n# -*- coding")[0]


def _drain(blocks: Iterator[bytes], file: io.RawIOBase | io.FileIO | None = None) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for block in blocks:
        digest.update(block)
        size += len(block)
        if file is not None:
            view = memoryview(block)
            while view:
                view = view[file.write(view) :]
    return digest.hexdigest(), size


def _sha256(path: Path) -> str | None:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    return None
