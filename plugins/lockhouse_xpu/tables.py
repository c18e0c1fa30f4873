"""Which Intel GPUs the builds are made for, from ``data/xpu.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lockhouse_pytorch.versions import parse

__all__ = ["Hardware", "hardware"]

DATA = Path(__file__).with_name("data") / "xpu.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What is too old; ``data/xpu.json`` names the sources."""

    oldest_architecture: str
    older_names: tuple[str, ...]

    def objection(self, name: str, architecture: str | None) -> str | None:
        """Say why the builds do not run on a device, or None if they may; without a version its name tells."""
        if architecture is not None:
            if parse(architecture) >= parse(self.oldest_architecture):
                return None
            first = f"{self.oldest_architecture} (Arc), the first that is built for"
            return f"its architecture {architecture} is older than {first}"
        older = next((text for text in self.older_names if text in name.replace("(R)", "")), None)
        return f"{older} is older than Arc, the first that is built for" if older else None


@cache
def hardware() -> Hardware:
    """Load the table."""
    data = json.loads(DATA.read_text(encoding="utf-8"))
    return Hardware(oldest_architecture=data["oldest-architecture"], older_names=tuple(data["older-names"]))
