"""Steps that state their files: they have nothing to do while these are those of the last success."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.contexts import context_at
from fixtures.generations import make_generation
from lockhouse.filesteps import remembering
from lockhouse.pipeline import PHASES
from lockhouse.plan import Plan
from lockhouse.steps import Context, Step


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return context_at(tmp_path / "project")[0]


def copying(context: Context, phase: str = "lock", source: str = "mine 1.0") -> Step:
    """A step that copies one file; the file is there."""
    given, made = context.project.root / "in.txt", context.project.root / "out.txt"
    if not given.exists():
        given.write_text("one")

    def run(context: Context) -> None:
        made.write_text(given.read_text())

    step = Step(name="copy", phase=phase, doc="d", run=run, inputs=(given,), outputs=(made,))
    return remembering(step, source, PHASES)


def settled(step: Step, context: Context) -> bool:
    assert step.up_to_date is not None
    return step.up_to_date(context)


def test_a_step_is_settled_by_its_success(context: Context) -> None:
    assert not settled(copying(context), context)
    copying(context).run(context)
    assert settled(copying(context), context)


@pytest.mark.parametrize("name", ["in.txt", "out.txt"])
def test_a_file_that_was_changed_or_lost_is_work(context: Context, name: str) -> None:
    copying(context).run(context)
    path = context.project.root / name
    path.write_text("two")
    assert not settled(copying(context), context)
    copying(context).run(context)
    assert settled(copying(context), context)
    path.unlink()
    assert not settled(replace(copying(context)), context) or name == "in.txt"


def test_another_plan_plugin_or_environment_is_work(context: Context) -> None:
    copying(context).run(context)
    assert not settled(copying(context, source="mine 2.0"), context)
    plan = context.state.read(Plan)
    assert plan is not None
    context.candidate = make_generation(context.project, plan=plan.digest)
    assert not settled(copying(context), context)
    context.candidate = None
    assert settled(copying(context), context)
    context.state.write(replace(plan, manifest="b" * 64))
    assert not settled(copying(context), context)


def test_a_step_before_the_plan_does_not_depend_on_it(context: Context) -> None:
    copying(context, "detect").run(context)
    context.state.forget(Plan)
    assert settled(copying(context, "detect"), context)


def test_what_failed_is_not_settled(context: Context) -> None:
    step = copying(context)
    (context.project.root / "in.txt").unlink()
    with pytest.raises(FileNotFoundError):
        step.run(context)
    assert not settled(step, context)


def test_a_damaged_memory_is_work(context: Context) -> None:
    copying(context).run(context)
    (memory,) = (context.state.folder / "steps").iterdir()
    memory.write_text("{")
    assert not settled(copying(context), context)
