"""What CUDA toolkits ask of drivers and devices, from ``data/toolkits.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lockhouse_pytorch.versions import parse

__all__ = ["Toolkits", "toolkits"]

DATA = Path(__file__).with_name("data") / "toolkits.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolkits:
    """What CUDA toolkits ask of driver and device. Versions as text; ``data/toolkits.json`` names the sources."""

    minimum_driver: Mapping[str, Mapping[str, str]]
    shipped_driver: Mapping[str, Mapping[str, str]]
    oldest_capability: Mapping[str, str]
    first_toolkit: Mapping[str, str]
    first_compiler: Mapping[str, str]
    tegra: frozenset[str]

    def of_driver(self, driver: str, system: str) -> str | None:
        """CUDA version of a driver by its own version, where nobody else can tell it."""
        rows = [(cuda, row[system]) for cuda, row in self.shipped_driver.items() if system in row]
        reached = [cuda for cuda, shipped in rows if parse(driver) >= parse(shipped)]
        return max(reached, key=parse) if reached else None

    def shipped_with(self, cuda: str, system: str) -> str | None:
        """Driver that came with a toolkit: the first whose own CUDA version is the toolkit's."""
        return self.shipped_driver.get(cuda, {}).get(system)

    def minor_compatible(self, driver: str, cuda: str, system: str) -> bool:
        """Whether NVIDIA's minor-version compatibility ("limited feature-set") covers a toolkit on a driver."""
        row = self.minimum_driver.get(cuda.partition(".")[0])
        return row is not None and parse(driver) >= parse(row[system])

    def objection(self, cuda: str, capability: str) -> str | None:
        """Say why builds with a toolkit do not run on devices of a compute capability, or None if they may."""
        oldest = self.oldest_capability.get(cuda.partition(".")[0])
        if oldest and parse(capability) < parse(oldest):
            return f"CUDA {cuda} no longer supports compute capability {capability}"
        first = self.first_toolkit.get(capability.partition(".")[0])
        if first and parse(cuda) < parse(first):
            return f"compute capability {capability} needs CUDA {first} or newer"
        if capability in self.tegra:
            return f"builds for servers and desktops do not run on Jetson devices of compute capability {capability}"
        return None

    def targets(self, cuda: str) -> tuple[str, ...]:
        """Compute capabilities of servers and desktops that a toolkit compiles for, in ascending order."""
        return tuple(
            capability
            for capability, first in sorted(self.first_compiler.items(), key=lambda row: parse(row[0]))
            if parse(cuda) >= parse(first) and self.objection(cuda, capability) is None
        )


@cache
def toolkits() -> Toolkits:
    """Load the table of toolkits."""
    data = json.loads(DATA.read_text(encoding="utf-8"))
    return Toolkits(
        minimum_driver=data["minimum-driver"],
        shipped_driver=data["shipped-driver"],
        oldest_capability=data["oldest-capability"],
        first_toolkit=data["first-toolkit"],
        first_compiler=data["first-compiler"],
        tegra=frozenset(data["tegra"]),
    )
