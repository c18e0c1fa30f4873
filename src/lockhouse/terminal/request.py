"""What was asked for on the command line, as a value."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from lockhouse.steps import Options
from lockhouse.values import dataclass

if TYPE_CHECKING:
    from lockhouse.diagnosis.inquiry import Inquiry
    from lockhouse.reporting import Reports

__all__ = ["Request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One verb, how it is to run and to be shown.

    ``number``, ``dry_run``, ``reports`` and ``inquiry`` belong to single verbs.
    """

    verb: str
    root: Path = field(default_factory=Path.cwd)
    manifest: str | None = None
    options: Options = field(default_factory=Options)
    json: bool = False
    quiet: bool = False
    debug: bool = False
    number: int | None = None
    dry_run: bool = False
    reports: Reports | None = None
    inquiry: Inquiry | None = None
