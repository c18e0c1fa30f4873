"""The wheels that environments are built from: chosen from a folder, or made up."""

from __future__ import annotations

import base64
import hashlib
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.tags import Tag, sys_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

__all__ = ["EPOCH", "Wheels", "copy_fitting", "fitting", "generate"]

EPOCH = (2020, 1, 1, 0, 0, 0)
LINES_PER_FILE = 24
"""Gives a file of 2 KB, about the median of what real wheels hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheels:
    """A folder of wheels of which no two are of the same distribution. Sizes are in bytes, unpacked without folders."""

    folder: Path
    requirements: tuple[str, ...]
    size: int
    files: int
    unpacked: int

    @classmethod
    def of(cls, folder: Path) -> Wheels:
        """Look at every wheel of a folder; requirements are in the order of names."""
        paths = sorted(folder.glob("*.whl"))
        requirements = []
        files = unpacked = 0
        for path in paths:
            name, version, _, _ = parse_wheel_filename(path.name)
            requirements.append(f"{name}=={version}")
            with zipfile.ZipFile(path) as archive:
                members = [member for member in archive.infolist() if not member.is_dir()]
            files += len(members)
            unpacked += sum(member.file_size for member in members)
        size = sum(path.stat().st_size for path in paths)
        return cls(folder=folder, requirements=tuple(requirements), size=size, files=files, unpacked=unpacked)


def fitting(paths: Iterable[Path], tags: Sequence[Tag]) -> tuple[Path, ...]:
    """Leave out what the tags do not allow; of several wheels of a distribution take the newest, then the best tag."""
    rank = {tag: -position for position, tag in enumerate(tags)}
    best: dict[str, tuple[Version, int, Path]] = {}
    for path in paths:
        try:
            name, version, _, offered = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        here = [rank[tag] for tag in offered if tag in rank]
        if here:
            found = (version, max(here), path)
            best[name] = max(best.get(name, found), found)
    return tuple(best[name][2] for name in sorted(best))


def copy_fitting(source: Path, target: Path) -> Wheels:
    """Copy the wheels that fit this interpreter: neither times nor links of the originals are changed."""
    target.mkdir(parents=True)
    for path in fitting(sorted(source.glob("*.whl")), list(sys_tags())):
        shutil.copy2(path, target / path.name)
    return Wheels.of(target)


def generate(folder: Path, wheels: int, files: int, *, requires: int = 0) -> Wheels:
    """Make up ``wheels`` wheels with ``files`` files in all, and with them stand-ins for pip, setuptools and wheel.

    The content of a file is its own and always the same. What every wheel has in .dist-info counts among the files,
    the stand-ins do not. Each wheel requires ``requires`` earlier ones, and as many more that do not count here.
    """
    folder.mkdir(parents=True)
    for number in range(wheels):
        share = files // wheels + (number < files % wheels)
        _write(folder, _name(number), "1.0", max(1, share - 3), _requirements(number, requires))
    for name in ("pip", "setuptools", "wheel"):
        _write(folder, name, "99.0", 1)
    return Wheels.of(folder)


def _name(number: int) -> str:
    return f"made_up_{number:04d}"


def _requirements(number: int, count: int) -> Iterator[str]:
    for other in range(max(0, number - count), number):
        name = canonicalize_name(_name(other))
        yield f"{name}<2,>=1.0; python_version >= '3.8'"
        yield f"{name}>=1.0; (sys_platform == 'win32' and platform_machine == 'ARM64') or extra == 'all'"


def _write(folder: Path, name: str, version: str, modules: int, requires: Iterable[str] = ()) -> None:
    info = f"{name}-{version}.dist-info"
    members = dict(_modules(name, modules))
    needed = "".join(f"Requires-Dist: {line}\n" for line in requires)
    members[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {canonicalize_name(name)}\nVersion: {version}\n"
        f"License: MIT\nProvides-Extra: all\n{needed}\n".encode()
    )
    members[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: benchmarks\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    lines = [f"{path},sha256={_hash(data)},{len(data)}" for path, data in members.items()]
    members[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, data in members.items():
            member = zipfile.ZipInfo(path, EPOCH)
            member.external_attr = 0o100644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, data, compresslevel=1)


def _modules(package: str, count: int) -> Iterator[tuple[str, bytes]]:
    yield f"{package}/__init__.py", b""
    for number in range(1, count):
        # a hundred to a folder, about as real ones are
        path = f"{package}/part_{number // 100:03d}/module_{number:05d}.py"
        seed = hashlib.sha256(path.encode()).hexdigest()
        yield (
            path,
            "".join(f"name_{line:02d} = {seed[: 16 + line]!r}  # {seed}\n" for line in range(LINES_PER_FILE)).encode(),
        )


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
