"""The one stream of what happens, for terminals, logs, graphical installers and plugins alike.

Library code emits events; only the command line decides how they look. Events are frozen and JSON-serialisable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from lockhouse.values import dataclass

__all__ = ["Emit", "Event", "Message", "Progress", "StepFinished", "StepStarted", "discard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step of the pipeline begins; ``step`` is its task name, e.g. ``install:torch``."""

    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """A step ended. ``seconds`` is wall time; ``detail`` is a short human summary (``60 wheels, 1.2 GB``)."""

    step: str
    outcome: Literal["done", "up-to-date", "failed"]
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Something countable advances: ``done`` of ``total`` in ``unit``; ``total`` is None while unknown.

    ``item`` tells parallel work apart (one per file being downloaded); done == total closes the item. ``done`` never
    decreases except when an item starts again from the beginning. Tell every item once before the
    work begins, with ``done`` what is there already: the sum of the items is the total that people see.
    """

    step: str
    item: str
    done: int
    total: int | None
    unit: Literal["bytes", "files", "wheels", "checks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A line worth telling. ``detail`` lines are shown only to who asks for more."""

    level: Literal["detail", "info", "warning"]
    text: str


Event = StepStarted | StepFinished | Progress | Message
Emit = Callable[[Event], None]


def discard(event: Event) -> None:
    """Take an event and do nothing with it: the default listener."""
