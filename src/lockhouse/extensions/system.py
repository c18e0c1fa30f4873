"""What a system is expected to have, and what this machine really has, of the libraries that no wheel brings."""

from __future__ import annotations

import glob
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from lockhouse.values import dataclass

__all__ = ["CUDA", "Expected", "System", "cuda_major", "expected", "newest_on_this_system", "this_system"]

DATA = Path(__file__).with_name("data") / "system.json"
LOADER = re.compile(r"ld-(linux|musl)[\w.-]*\.so\.\d+|libc\.musl-\w+\.so\.1")
CUDA = re.compile(r"(lib\w+?)(?:-[0-9a-f]{6,})?\.so\.(\d+)(?:\.\d+)*")
"""A library of CUDA; what auditwheel bundles has a part of its hash in its name."""

FOLDERS = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")
"""Where loaders look by default, and what distributions add to that without saying so (ld.so(8))."""

MANY = 64
"""Configuration files that are followed; some include each other in a circle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """``core`` comes with every Python on the platform; ``packages`` says by what a distribution calls the others.

    ``policy`` are those of them that wheels may leave to the system by the rules of manylinux; ``driver`` come with the
    driver of an accelerator and never from a wheel; ``cuda`` are the libraries whose major version is that of CUDA.
    """

    core: frozenset[str]
    policy: frozenset[str]
    packages: Mapping[str, Mapping[str, str]]
    driver: frozenset[str]
    cuda: frozenset[str]

    def is_core(self, library: str) -> bool:
        """Whether a library is there wherever Python is."""
        return library in self.core or LOADER.fullmatch(library) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The libraries that the loader of a machine finds by itself, by name, with the folder that each lies in."""

    libraries: Mapping[str, str]


@cache
def expected() -> Expected:
    """Read the table of what systems have."""
    data = json.loads(DATA.read_text(encoding="utf-8"))
    return Expected(
        core=frozenset(data["core"]),
        policy=frozenset(data["policy"]),
        packages=data["policy"] | data["others"],
        driver=frozenset(data["driver"]),
        cuda=frozenset(data["cuda"]),
    )


def cuda_major(library: str) -> str | None:
    """Give the major version of CUDA of a library: ``12`` of ``libcudart.so.12``; None for any other library."""
    match = CUDA.fullmatch(library)
    return match[2] if match and match[1] in expected().cuda else None


def this_system() -> System | None:
    """Look at this machine; None where libraries are not found in folders (Windows, macOS)."""
    if sys.platform != "linux":
        return None
    found: dict[str, str] = {}
    for folder in _folders():
        try:
            names = os.listdir(folder)  # noqa: PTH208 - names are all that is wanted of thousands
        except OSError:
            continue
        for name in names:
            if ".so" in name:
                found.setdefault(name, folder)
    return System(libraries=found)


def newest_on_this_system(family: str) -> str | None:
    """Give the newest version of a family of symbols, ``GLIBCXX``, that this machine's C++ library has."""
    system = this_system()
    folder = system.libraries.get("libstdc++.so.6") if system else None
    if folder is None:
        return None
    try:
        data = Path(folder, "libstdc++.so.6").read_bytes()
    except OSError:
        return None
    versions = re.findall(rb"\0" + family.encode() + rb"_(\d+(?:\.\d+)*)(?=\0)", data)
    return max((version.decode() for version in versions), key=lambda text: [*map(int, text.split("."))], default=None)


def _folders() -> Iterator[str]:
    """Name the folders in the order in which the loader would look."""
    yield from (part for part in os.environ.get("LD_LIBRARY_PATH", "").split(":") if part)
    yield from dict.fromkeys(_configured("/etc/ld.so.conf", [MANY]))
    for path in glob.glob("/etc/ld-musl-*.path"):  # noqa: PTH207 - musl's own list
        yield from _lines(path)
    for folder in FOLDERS:
        yield folder
        yield from sorted(glob.glob(f"{folder}/*-linux-*"))  # noqa: PTH207 - Debian's folders for several machines


def _configured(path: str, remaining: list[int]) -> Iterator[str]:
    remaining[0] -= 1
    for line in _lines(path) if remaining[0] >= 0 else ():
        if line.startswith("include "):
            pattern = os.path.join(os.path.dirname(path), line.split(None, 1)[1])  # noqa: PTH118, PTH120 - a pattern
            for included in sorted(glob.glob(pattern)):  # noqa: PTH207
                yield from _configured(included, remaining)
        elif line.startswith("/"):
            yield line


def _lines(path: str) -> list[str]:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line for line in (line.partition("#")[0].strip() for line in text.splitlines()) if line]
