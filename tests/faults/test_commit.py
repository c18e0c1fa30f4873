"""Install, verify and lock under kill -9 before every single change to the disk.

What must hold at any instant: whoever uses the pointer has a whole, proven environment or none, the lock can be read
and tells the truth about an environment that was proven, and the next run ends where an undisturbed one would have.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fixtures.contexts import context_at, replan
from fixtures.deaths import killed_before
from fixtures.generations import INTERPRETER
from fixtures.wheels import WheelSpec
from lockhouse.environments.drift import find_drift
from lockhouse.environments.generations import Generations
from lockhouse.lockfile import read_lock
from lockhouse.phases import create, destroy, install, lock, purge, verify
from lockhouse.state import State, sweep
from lockhouse.steps import Context
from lockhouse.verification.records import kept_report

pytestmark = pytest.mark.skipif(os.name == "nt", reason="made of fork and signals")

BUILDING = (destroy, create, install, purge)
PROVING = (verify, lock)


def run(context: Context, phases: tuple[object, ...] = (*BUILDING, *PROVING)) -> list[str]:
    """Run phases as a new process does; return the steps that had work."""
    context.candidate = None
    context.state = State(context.project.state)
    sweep(context.project.state, context.project.manifest.parent)
    worked = []
    for phase in phases:
        for step in phase.steps(context.project, context.manifest):  # type: ignore[attr-defined]
            if not step.up_to_date(context):
                step.run(context)
                worked.append(step.name)
    return worked


def assert_sound(context: Context, serving: str | None) -> None:
    """What holds at any instant; ``serving`` is the plan that served before, None for nothing."""
    current = Generations(context.project).current()
    found = read_lock(context.project.lock("any", "linux_x86_64", INTERPRETER.tag))
    if current is None:
        assert serving is None
        assert not context.project.pointer.is_symlink()
    else:
        assert current.reached("verified")
        assert not find_drift(current)
        report = kept_report(current)
        assert report is not None
        assert report.ok
        if current.plan != serving:
            assert found is not None
            assert found.plan == current.plan
            assert found.environment_digest == current.environment_digest
    if found is not None:
        proven = [item for item in Generations(context.project).all() if item.plan == found.plan]
        assert any(item.reached("verified") for item in proven)


@pytest.mark.parametrize("earlier", [False, True])
def test_killed_while_proving_and_committing(tmp_path: Path, earlier: bool) -> None:
    context, _ = context_at(tmp_path / "project", specs=[WheelSpec("alpha")])
    project = context.project
    serving = None
    if earlier:
        run(context)
        serving = context.building.plan
        replan(context, WheelSpec("alpha", "2.0"))
    run(context, BUILDING)
    before = tmp_path / "before"
    shutil.copytree(project.root, before, symlinks=True)
    deaths = 0
    while True:
        shutil.rmtree(project.root)
        shutil.copytree(before, project.root, symlinks=True)
        if not killed_before(deaths + 1, lambda: run(context), project.root):
            break
        deaths += 1
        assert_sound(context, serving)
        assert "create" not in run(context), f"killed before change {deaths}: what was built is used"
        current = Generations(project).current()
        assert current is not None
        assert current.state == "committed"
        assert_sound(context, None)
        assert run(context) == []
        assert [path.name for path in project.manifest.parent.iterdir()] == [
            project.lock("any", "linux_x86_64", INTERPRETER.tag).name
        ]
    assert deaths > 8


def test_killed_while_installing(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path / "project", specs=[WheelSpec("alpha", console_scripts={"alpha": "alpha:main"})])
    project = context.project
    run(context)
    serving = context.building.plan
    replan(context, WheelSpec("alpha", "2.0", console_scripts={"alpha": "alpha:main"}, data={"data/etc/a": "a"}))
    total = 1
    while killed_before(total, lambda: run(context, BUILDING), project.root):
        total += 7  # every change would take minutes; where the steps of 7 fall differs from state to state
        assert_sound(context, serving)
        current = Generations(project).current()
        assert current is not None
        assert current.plan == serving
    assert total > 50
    run(context)
    current = Generations(project).current()
    assert current is not None
    assert current.plan != serving
    assert run(context) == []
