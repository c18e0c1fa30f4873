"""Whose steps took part in building an environment: one that other plugins would have built is not the wanted one.

A generation notes the steps of plugins in the phases that write into it. Where the pipeline has others now, it cannot
serve as it is, even if every file is as it was installed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lockhouse.environments.generations import Generation
from lockhouse.events import Message
from lockhouse.state import read_value, write_value
from lockhouse.steps import Context, Step
from lockhouse.values import dataclass

__all__ = ["with_participants"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Participants:
    """Steps of plugins in the phases ``create`` to ``purge``: name of the step, and its plugin with version."""

    steps: Mapping[str, str]


def with_participants(
    steps: Mapping[str, Step], phases: Sequence[str], source: Callable[[str], str]
) -> tuple[Step, ...]:
    """Have ``create`` note who takes part, and pass over what others have built."""
    building = phases[phases.index("create") : phases.index("purge") + 1]
    wanted = {
        step.name: source(step.plugin) for step in steps.values() if step.plugin is not None and step.phase in building
    }
    return tuple(_noting(step, wanted) if step.name == "create" else step for step in steps.values())


def _noting(create: Step, wanted: Mapping[str, str]) -> Step:
    find = create.up_to_date

    def up_to_date(context: Context) -> bool:
        if find is None or not find(context):
            return False
        candidate = context.candidate
        if candidate is None or _participants(candidate) == wanted:
            return True
        context.emit(Message(level="info", text=f"generation {candidate.number} was built with other steps of plugins"))
        context.candidate = None
        return False

    def run(context: Context) -> None:
        create.run(context)
        if wanted and context.candidate is not None:
            write_value(_place(context.candidate), Participants(steps=wanted), "participants")

    return replace(create, run=run, up_to_date=None if find is None else up_to_date)


def _participants(generation: Generation) -> Mapping[str, str]:
    noted = read_value(_place(generation), Participants, "participants")
    return noted.steps if noted is not None else {}


def _place(generation: Generation) -> Path:
    return generation.metadata / "participants.json"
