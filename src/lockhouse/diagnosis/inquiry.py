"""What a diagnosis is asked."""

from __future__ import annotations

from pathlib import Path

from lockhouse.reporting import check_place
from lockhouse.values import dataclass

__all__ = ["Inquiry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """Requirements as they were given, whether they are tried as well, and where the picture goes if one is wanted."""

    candidates: tuple[str, ...]
    bisecting: bool = False
    graph: Path | None = None

    def check(self) -> None:
        """Raise UsageError where the picture cannot come to stand."""
        if self.graph is not None:
            check_place(self.graph, "picture", ".svg")
