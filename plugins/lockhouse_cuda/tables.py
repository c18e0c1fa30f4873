"""What is looked up: versions of toolkits, drivers and devices, and the distributions of the family, from ``data/``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["Toolkits", "distributions", "parse", "toolkits"]

Version = tuple[int, ...]

DATA = Path(__file__).with_name("data")


def parse(version: str) -> Version:
    """``550.54.15`` as numbers, to be compared; trailing zeros do not count. Empty for what is no version."""
    found = re.match(r"\d+(?:\.\d+)*", version.strip())
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolkits:
    """What CUDA toolkits ask of driver and device. Versions as text; ``data/toolkits.json`` names the sources."""

    minimum_driver: Mapping[str, Mapping[str, str]]
    shipped_driver: Mapping[str, Mapping[str, str]]
    oldest_capability: Mapping[str, str]
    first_toolkit: Mapping[str, str]
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


@cache
def toolkits() -> Toolkits:
    """Load the table of toolkits."""
    data = _load("toolkits.json")
    return Toolkits(
        minimum_driver=data["minimum-driver"],
        shipped_driver=data["shipped-driver"],
        oldest_capability=data["oldest-capability"],
        first_toolkit=data["first-toolkit"],
        tegra=frozenset(data["tegra"]),
    )


@cache
def distributions(kind: str) -> frozenset[str]:
    """Load the names of the ``family``, or of those that are ``labelled``."""
    return frozenset(_load("distributions.json")[kind])


def _load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(DATA.joinpath(name).read_text(encoding="utf-8"))
    return data
