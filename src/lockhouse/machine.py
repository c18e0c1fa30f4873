"""Facts of the platform and readings of its resources, from the standard library, packaging and psutil."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import sysconfig
from pathlib import Path

from lockhouse.host import Readings
from lockhouse.values import dataclass

__all__ = ["ControlGroups", "PlatformFacts", "platform_facts", "platform_name", "read_resources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformFacts:
    """The part of a Host that the operating system decides; fields as in Host."""

    platform: str
    system: str
    machine: str
    libc: str | None
    macos: str | None
    platform_tags: tuple[str, ...]


def platform_facts() -> PlatformFacts:
    """Find out what this platform is and which wheels it accepts."""
    from packaging.tags import platform_tags

    tags = tuple(platform_tags())
    return PlatformFacts(
        platform=platform_name(sysconfig.get_platform()),
        system=platform.system(),
        machine=platform.machine(),
        libc=_libc(tags),
        macos=platform.mac_ver()[0] or None,
        platform_tags=tags,
    )


def platform_name(name: str) -> str:
    """Write a platform as lock names have it: ``linux-x86_64`` as ``linux_x86_64``."""
    return name.replace("-", "_").replace(".", "_")


def _libc(tags: tuple[str, ...]) -> str | None:
    """``glibc 2.36`` from the C library; ``musl 1.2`` from the wheel tags, since musl answers no such question."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        if answer := os.confstr("CS_GNU_LIBC_VERSION"):
            return answer
    for tag in tags:
        if tag.startswith("musllinux_"):
            major, minor = tag.split("_")[1:3]
            return f"musl {major}.{minor}"
    return None


def read_resources(folder: Path) -> Readings:
    """Measure memory, processors, and the free space where ``folder`` is or will be."""
    import psutil

    memory = psutil.virtual_memory()
    groups = ControlGroups(Path("/"))
    limit, used = groups.memory()
    total = min(memory.total, limit) if limit else memory.total
    available = memory.available
    if limit and used is not None:
        available = min(available, max(0, limit - used))
    existing = folder.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    return Readings(
        memory_total=total,
        memory_available=min(available, total),
        disk_free=shutil.disk_usage(existing).free,
        cpus=_cpus(groups),
    )


def _cpus(groups: ControlGroups) -> int:
    """Processors that this process may use: affinity, then the quota of its control groups."""
    try:
        count = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # macOS and Windows have no affinity to ask for
        count = os.cpu_count() or 1
    return min(count, groups.cpus() or count)


@dataclass(frozen=True, slots=True)
class ControlGroups:
    """The limits of this process's control groups, versions 1 and 2 (cgroups(7)); ``root`` is ``/`` but in tests."""

    root: Path

    def cpus(self) -> int | None:
        """Processors that the lowest quota comes to, rounded up; None without one."""
        counts = []
        for folder in self._folders("cpu"):
            limit = _text(folder / "cpu.max").split()
            if len(limit) != 2:
                limit = [_text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")]
            quota, period = _number(limit[0]) or 0, _number(limit[1]) or 0
            if quota > 0 and period > 0:
                counts.append(-(-quota // period))
        return min(counts, default=None)

    def memory(self) -> tuple[int | None, int | None]:
        """Lowest limit in bytes, and what is used of it where that can be told; None without one."""
        found: list[tuple[int, int | None]] = []
        for folder in self._folders("memory"):
            for limit, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
                value = _number(_text(folder / limit))
                # Version 1 writes "no limit" as the largest multiple of the page size below 2**63.
                if value is not None and value < 1 << 60:
                    found.append((value, _number(_text(folder / used))))
        return min(found, key=lambda pair: pair[0]) if found else (None, None)

    def _folders(self, controller: str) -> list[Path]:
        """The group's own folder and those above it, whose limits hold as well."""
        folders = []
        mount = self.root / "sys/fs/cgroup"
        for line in _text(self.root / "proc/self/cgroup").splitlines():
            number, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            if controllers and controller in controllers.split(","):
                top = mount / controllers if (mount / controllers).is_dir() else mount / controller
            elif not controllers and number == "0":
                top = mount
            else:
                continue
            own = top / path.lstrip("/")
            folders += [own, *(parent for parent in own.parents if parent == top or top in parent.parents)]
        return folders


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
