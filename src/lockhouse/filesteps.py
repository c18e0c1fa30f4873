"""When a plugin's step that states its files has nothing to do: they are those of its last success.

What counts is on disk: the files, by content, the plan, the environment that is being built, and who gives the step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lockhouse.codec import digest_of
from lockhouse.plan import Plan
from lockhouse.state import read_value, write_value
from lockhouse.steps import Context, Step
from lockhouse.values import dataclass

__all__ = ["remembering"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """What a step read and wrote when it last succeeded; ``key`` is the digest of all that its work depends on."""

    step: str
    key: str
    outputs: Mapping[str, str]


def remembering(step: Step, source: str, phases: Sequence[str]) -> Step:
    """Give a step an ``up_to_date`` that follows from its files; ``source`` is its plugin with version."""
    planned = phases.index(step.phase) > phases.index("plan")
    built = phases.index(step.phase) >= phases.index("create")

    def key(context: Context) -> str | None:
        inputs = _hashes(step.inputs)
        if inputs is None:
            return None
        plan = context.state.read(Plan) if planned else None
        return digest_of(
            {
                "step": step.name,
                "source": source,
                "inputs": inputs,
                "plan": plan.digest if plan else None,
                "generation": context.candidate.number if built and context.candidate else None,
            }
        )

    def memory(context: Context) -> Path:
        return context.state.folder / "steps" / f"{hashlib.sha256(step.name.encode()).hexdigest()[:16]}.json"

    def up_to_date(context: Context) -> bool:
        last = read_value(memory(context), Success, "step")
        if last is None or last.key != key(context):
            return False
        return last.outputs == _hashes(step.outputs)

    def run(context: Context) -> None:
        before = key(context)  # what changes while it works is then worked on again
        step.run(context)
        outputs = _hashes(step.outputs)
        if before is not None and outputs is not None:
            write_value(memory(context), Success(step=step.name, key=before, outputs=outputs), "step")

    return replace(step, run=run, up_to_date=up_to_date)


def _hashes(paths: Sequence[Path]) -> dict[str, str] | None:
    """Hash files by path; None if one of them is no file that can be read."""
    found = {}
    for path in paths:
        try:
            with path.open("rb") as file:
                found[str(path)] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return None
    return found
