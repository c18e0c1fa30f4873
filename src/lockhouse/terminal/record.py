"""The record of one run: which steps ended how, and which of the values on disk belong to it."""

from __future__ import annotations

from typing import Any, TypeVar

from lockhouse.events import Event, StepFinished
from lockhouse.evidence import VerifyReport
from lockhouse.findings import ScanReport
from lockhouse.host import Host
from lockhouse.plan import Plan
from lockhouse.state import State
from lockhouse.steps import Context

__all__ = ["Record"]

T = TypeVar("T")

MAKERS: dict[type, str] = {Host: "detect", Plan: "plan", ScanReport: "scan", VerifyReport: "verify"}


class Record:
    """Listens to a run. ``steps`` are those that ended, in order.

    ``result`` is what the verb itself returned: None until it has, and for the verbs of the pipeline, whose results are
    the values on disk.
    """

    def __init__(self) -> None:
        self.steps: list[StepFinished] = []
        self.context: Context | None = None
        self.result: Any = None

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, StepFinished):
            self.steps.append(event)

    def begin(self, context: Context) -> None:
        """Take what is written from now on for the work of this run."""
        self.context = context
        context.state.written.clear()

    def value(self, kind: type[T]) -> T | None:
        """The value of that kind if this run made it or found it to be up to date.

        After a failure there may be one of an earlier run on disk: it is nobody's answer.
        """
        if self.context is None:
            return None
        state: State = self.context.state
        settled = any(step.step == MAKERS[kind] and step.outcome != "failed" for step in self.steps)
        return state.read(kind) if settled or kind in state.written else None

    def unchanged(self, step: str) -> bool:
        """Whether a step had nothing to do."""
        return any(item.step == step and item.outcome == "up-to-date" for item in self.steps)
