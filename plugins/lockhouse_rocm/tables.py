"""What ROCm releases ask of drivers and devices, from ``data/rocm.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lockhouse_pytorch.versions import parse

__all__ = ["Releases", "releases"]

DATA = Path(__file__).with_name("data") / "rocm.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """What ROCm releases ask of driver and device; ``data/rocm.json`` names the sources."""

    drivers: Mapping[str, str]
    compatible_releases: int
    targets: Mapping[str, tuple[str, ...]]
    integrated: frozenset[str]

    def of_driver(self, driver: str) -> str | None:
        """ROCm release that a driver came with, by the version of its kernel module."""
        reached = [rocm for rocm, module in self.drivers.items() if parse(driver) >= parse(module)]
        return max(reached, key=parse) if reached else None

    def oldest_driver(self, rocm: str) -> str | None:
        """The oldest driver that AMD's matrix has for a user space, None for one that it does not know."""
        order = sorted(self.drivers, key=parse)
        if minor(rocm) not in order:
            return None
        return self.drivers[order[max(0, order.index(minor(rocm)) - self.compatible_releases)]]

    def fits(self, driver: str, rocm: str) -> bool:
        """Whether a user space may run on a driver; one newer than the table needs the newest that it knows."""
        oldest = self.oldest_driver(rocm) or max(self.drivers.values(), key=parse)
        return parse(driver) >= parse(oldest)

    def objection(self, rocm: str, target: str) -> str | None:
        """Say why builds with a release do not run on devices of a target, or None if they may.

        Of a release that the table does not know nothing is said: what a build has code for shows in the check.
        """
        known = self.targets.get(rocm) or self.targets.get(minor(rocm))
        if known is None or target in known:
            return None
        return f"PyTorch's builds for ROCm {rocm} have no code for {target}"


def minor(rocm: str) -> str:
    """``6.2`` of ``6.2.4``: patch releases share driver and user space."""
    return ".".join(rocm.split(".")[:2])


@cache
def releases() -> Releases:
    """Load the table."""
    data = json.loads(DATA.read_text(encoding="utf-8"))
    return Releases(
        drivers=data["drivers"],
        compatible_releases=data["compatible-releases"],
        targets={rocm: tuple(targets) for rocm, targets in data["targets"].items()},
        integrated=frozenset(data["integrated"]),
    )
