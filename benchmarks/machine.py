"""What a benchmark ran on, as far as it matters and names nobody's machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.tools import program

__all__ = ["describe"]


def describe(scratch: Path) -> Mapping[str, str]:
    """Say what was measured with and on; there are no host names, users or paths among it."""
    return {
        "cores": str(os.cpu_count()),
        "memory": _memory(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "file system": _file_system(scratch),
        "Python": platform.python_version(),
        "lockhouse": _version("lockhouse"),
        "uv": _first_line(program("uv"), "--version").split()[1],
        "pip": _first_line(sys.executable, "-m", "pip", "--version").split()[1],
        "sha256sum": _first_line("sha256sum", "--version"),
    }


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _file_system(path: Path) -> str:
    mounts = [line.split() for line in _lines("/proc/mounts")]
    above = [(len(mount[1]), mount[2]) for mount in mounts if path.resolve().is_relative_to(mount[1])]
    return max(above)[1] if above else "unknown"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _first_line(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()[0]
