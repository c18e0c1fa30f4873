"""Real wheels, built in memory: small, valid by default, and wrong in exactly the way a test asks for."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["EPOCH", "WheelSpec", "build_tools", "build_wheel", "record_hash"]

EPOCH = (2020, 1, 1, 0, 0, 0)
"""When every member was written: the same wheel has the same bytes each time."""


def record_hash(data: bytes) -> str:
    """Write the sha256 of a member as RECORD has it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@dataclass
class WheelSpec:
    """A wheel to be; ``build(folder)`` writes it and returns its path."""

    name: str
    version: str = "1.0"
    requires: Sequence[str] = ()
    requires_python: str | None = None
    extras: Sequence[str] = ()
    tag: str = "py3-none-any"
    files: Mapping[str, bytes | str] | None = None
    """Members beside .dist-info; by default a module that holds the version."""
    console_scripts: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, bytes | str] = field(default_factory=dict)
    """Members of .data, e.g. ``scripts/tool``."""
    metadata_name: str | None = None
    metadata_version: str | None = None
    record: str | None = None
    """RECORD to write instead of the true one."""
    padding: int = 0
    """Bytes of incompressible ballast, to make a download take a while."""

    @property
    def module(self) -> str:
        """Name of the import package."""
        return self.name.replace("-", "_").lower()

    @property
    def stem(self) -> str:
        """Name and version, as file names have them."""
        return f"{self.name.replace('-', '_')}-{self.version}"

    @property
    def filename(self) -> str:
        """Name of the file."""
        return f"{self.stem}-{self.tag}.whl"

    def members(self) -> dict[str, bytes]:
        """Contents by path, RECORD last."""
        files = self.files
        if files is None:
            files = {f"{self.module}/__init__.py": f'__version__ = "{self.version}"\n'}
        members = {path: _bytes(content) for path, content in files.items()}
        if self.padding:
            block = b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(self.padding // 32 + 1))
            members[f"{self.module}/ballast.bin"] = block[: self.padding]
        for path, content in self.data.items():
            members[f"{self.stem}.data/{path}"] = _bytes(content)
        info = f"{self.stem}.dist-info"
        members[f"{info}/METADATA"] = self.metadata().encode()
        tags = "".join(f"Tag: {tag}\n" for tag in _expand(self.tag))
        pure = "true" if self.tag.endswith("-any") else "false"
        members[f"{info}/WHEEL"] = (
            f"Wheel-Version: 1.0\nGenerator: lockhouse-tests\nRoot-Is-Purelib: {pure}\n{tags}".encode()
        )
        if self.console_scripts:
            lines = "".join(f"{name} = {target}\n" for name, target in self.console_scripts.items())
            members[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}".encode()
        record = self.record
        if record is None:
            record = "".join(f"{path},{record_hash(data)},{len(data)}\n" for path, data in members.items())
            record += f"{info}/RECORD,,\n"
        members[f"{info}/RECORD"] = record.encode()
        return members

    def metadata(self) -> str:
        """Write METADATA."""
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {self.metadata_name or self.name}",
            f"Version: {self.metadata_version or self.version}",
        ]
        if self.requires_python:
            lines.append(f"Requires-Python: {self.requires_python}")
        lines += [f"Provides-Extra: {extra}" for extra in self.extras]
        lines += [f"Requires-Dist: {requirement}" for requirement in self.requires]
        return "\n".join(lines) + "\n\n"

    def build(self, folder: Path) -> Path:
        """Write the wheel into a folder and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.filename
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in self.members().items():
                member = zipfile.ZipInfo(name, EPOCH)
                member.external_attr = 0o100644 << 16
                member.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(member, data)
        return path


def build_wheel(folder: Path, name: str, version: str = "1.0", *requires: str, tag: str = "py3-none-any") -> Path:
    """Build a plain wheel that needs ``requires``."""
    return WheelSpec(name, version, requires, tag=tag).build(folder)


def build_tools(folder: Path) -> None:
    """Build stand-ins for pip, setuptools and wheel, which every plan has."""
    for name, version in (("pip", "99.0"), ("setuptools", "99.0"), ("wheel", "9.0")):
        build_wheel(folder, name, version)


def _bytes(content: bytes | str) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


def _expand(tag: str) -> list[str]:
    python, abi, platform = tag.split("-")
    return [f"{a}-{b}-{c}" for a in python.split(".") for b in abi.split(".") for c in platform.split(".")]
