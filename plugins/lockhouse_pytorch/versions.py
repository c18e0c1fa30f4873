"""Version numbers of drivers, toolkits and devices, to be compared by number; they follow no standard."""

from __future__ import annotations

import re

__all__ = ["parse"]

Version = tuple[int, ...]


def parse(version: str) -> Version:
    """``550.54.15`` as numbers, to be compared; trailing zeros do not count. Empty for what is no version."""
    found = re.match(r"\d+(?:\.\d+)*", version.strip())
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
