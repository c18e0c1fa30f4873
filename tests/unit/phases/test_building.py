"""destroy, create and purge: from nothing, or from what an earlier run left, to a sealed environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.contexts import Listener, context_at, host_of, replan
from fixtures.generations import INTERPRETER, make_generation
from fixtures.wheels import WheelSpec
from lockhouse.environments.drift import find_drift
from lockhouse.environments.generations import Generation, Generations
from lockhouse.environments.pointer import switch
from lockhouse.environments.sealing import seal_tree
from lockhouse.errors import BuildError, EnvironmentOccupied, InternalError, InterpreterNotFound, UsageError
from lockhouse.manifest import EnvironmentWish, PythonWish
from lockhouse.phases import create, destroy, install, purge
from lockhouse.plan import Plan
from lockhouse.steps import Context, Step

PHASES = (destroy, create, install, purge)


def steps(context: Context) -> dict[str, Step]:
    return {step.name: step for phase in PHASES for step in phase.steps(context.project, context.manifest)}


def run(context: Context) -> list[str]:
    """Run the steps as a run does; return the names of those that had work."""
    worked = []
    for step in steps(context).values():
        assert step.up_to_date is not None
        if not step.up_to_date(context):
            step.run(context)
            worked.append(step.name)
    return worked


def commit(context: Context) -> Generation:
    """What lock does in the end."""
    switch(context.project.pointer, context.building.path)
    return Generations(context.project).advance(context.building, "committed")


def again(context: Context) -> Context:
    """The context of a later run."""
    return replace(context, candidate=None, details={})


def test_the_steps_are_in_order_and_described(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path)
    found = steps(context)
    assert {name: step.needs for name, step in found.items()} == {
        "destroy": ("scan",),
        "create": ("destroy",),
        "install:base": ("create",),
        "purge": ("install:base",),
    }
    assert all(step.doc for step in found.values())


def test_from_nothing_to_a_sealed_environment(tmp_path: Path) -> None:
    context, listener = context_at(tmp_path)
    assert run(context) == ["create", "install:base", "purge"]
    candidate = context.building
    assert (candidate.state, candidate.number, candidate.provider) == ("sealed", 1, "venv")
    assert candidate.environment_digest is not None
    assert not find_drift(candidate)
    assert not list(candidate.path.rglob("__pycache__"))
    assert not context.project.pointer.exists()
    assert listener.warnings == []


def test_create_installs_nothing_but_its_own_stage(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path)
    create.steps(context.project, context.manifest)[0].run(context)
    listed = sorted(path.name for path in context.building.path.glob("lib/python*/site-packages/*.dist-info"))
    assert listed == ["pip-99.0.dist-info", "setuptools-99.0.dist-info", "wheel-9.0.dist-info"]


def test_the_second_run_has_nothing_to_do_and_takes_what_is_there(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path)
    run(context)
    committed = commit(context)
    later = again(context)
    assert run(later) == []
    assert later.candidate == committed


def test_a_finished_build_that_was_not_committed_is_taken_up_again(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path)
    run(context)
    later = again(context)
    assert run(later) == []
    assert later.building == context.building


@pytest.mark.parametrize("last", ["create", "install:base"])
def test_a_build_that_was_killed_is_cleared_and_begun_anew(tmp_path: Path, last: str) -> None:
    context, _ = context_at(tmp_path)
    for name, step in steps(context).items():
        step.run(context)
        if name == last:
            break
    later = again(context)
    assert run(later) == ["destroy", "create", "install:base", "purge"]
    assert [item.number for item in Generations(context.project).all()] == [2]


def test_drift_leads_to_a_new_build_and_is_told(tmp_path: Path) -> None:
    context, listener = context_at(tmp_path)
    run(context)
    first = commit(context)
    module = next(first.path.glob("lib/python*/site-packages/alpha/__init__.py"))
    module.write_text("changed")
    later = again(context)
    assert run(later) == ["create", "install:base", "purge"]
    assert later.building.number == 2
    assert later.building.environment_digest == first.environment_digest
    assert Generations(context.project).current() == first
    (warning,) = listener.warnings
    assert "alpha/__init__.py" in warning


def test_the_current_generation_is_preferred_to_a_later_one_of_the_same_plan(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path)
    run(context)
    first = commit(context)
    shutil.rmtree(next(first.path.glob("lib/python*/site-packages/alpha")))
    later = again(context)
    run(later)
    second = commit(later)
    switch(context.project.pointer, first.path)
    last = again(context)
    assert run(last) == []
    assert last.candidate == second  # the first has drifted
    module = next(second.path.glob("lib/python*/site-packages/alpha"))
    shutil.copytree(module, first.path / module.relative_to(second.path))
    last = again(context)
    assert run(last) == []
    assert last.candidate is not None
    assert last.candidate.number == 1


def test_going_back_to_an_earlier_plan_takes_its_generation(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path)
    earlier = context.state.read(Plan)
    assert earlier is not None
    run(context)
    first = commit(context)
    replan(context, WheelSpec("beta"))
    assert run(context) == ["create", "install:base", "purge"]
    commit(context)
    context.state.write(earlier)
    later = again(context)
    assert run(later) == []
    assert later.candidate == first


def test_two_are_kept_through_many_builds_beside_the_one_that_is_built(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path)
    for version in ("1", "2", "3", "4"):
        replan(context, WheelSpec("beta", version))
        run(context)
        assert len(Generations(context.project).all()) <= 3
        commit(context)
    run(again(context))
    assert [item.number for item in Generations(context.project).all()] == [3, 4]


def test_two_projects_at_different_places_have_the_same_digest(tmp_path: Path) -> None:
    specs = [WheelSpec("alpha", console_scripts={"alpha": "alpha:main"}, data={"scripts/run": "#!python\nprint(1)\n"})]
    digests = set()
    for place in ("a", "with spaces", "l" * 120):
        context, _ = context_at(tmp_path / place, specs=specs)
        run(context)
        digests.add(context.building.environment_digest)
    assert len(digests) == 1


def test_an_interpreter_that_was_replaced_leads_to_a_new_build(tmp_path: Path) -> None:
    context, listener = context_at(tmp_path)
    run(context)
    first = commit(context)
    marker = first.metadata / "generation.json"
    document = json.loads(marker.read_text())
    document["interpreter"]["version"] = "3.11.0"
    marker.write_text(json.dumps(document))
    later = again(context)
    assert run(later) == ["create", "install:base", "purge"]
    assert "3.11.0, is gone or was replaced" in listener.warnings[0]


def test_an_interpreter_that_is_no_longer_on_the_path_still_serves(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path)
    run(context)
    commit(context)
    context.state.write(host_of())
    assert run(again(context)) == []


def test_a_moved_project_builds_anew(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path / "here")
    run(context)
    commit(context)
    (tmp_path / "here").rename(tmp_path / "there")
    moved, listener = context_at(tmp_path / "there")
    assert "create" in run(moved)
    assert "cannot be moved" in listener.warnings[0]
    assert commit(moved).number == 2
    assert run(again(moved))[0] == "destroy"  # the old one cannot serve any more
    assert [item.number for item in Generations(moved.project).all()] == [2]


def test_an_interpreter_that_is_not_here_is_an_error_that_names_those_that_are(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path, host=host_of(replace(INTERPRETER, version="2.7.18")))
    with pytest.raises(InterpreterNotFound) as failed:
        run(context)
    assert "2.7.18" in (failed.value.cause or "")
    assert Generations(context.project).all() == ()


def test_a_provider_that_nobody_gives_is_an_error_that_names_those_there_are(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path, python=PythonWish(version=INTERPRETER.release, provider="nix"))
    with pytest.raises(UsageError) as failed:
        run(context)
    assert failed.value.cause == "there are host, venv"


def test_a_failing_create_leaves_nothing_and_the_current_one_serving(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path)
    run(context)
    first = commit(context)
    plan = replan(context, WheelSpec("beta"))
    (context.project.wheelhouse / plan.in_stage("create")[0].filename).unlink()
    with pytest.raises(BuildError):
        run(context)
    assert context.candidate is None
    assert Generations(context.project).all() == (first,)
    assert Generations(context.project).current() == first


def test_destroy_and_create_without_a_plan_are_defects(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path)
    context.state.forget(Plan)
    for phase in (destroy, create):
        (step,) = phase.steps(context.project, context.manifest)
        assert step.up_to_date is not None
        assert not step.up_to_date(context)
        with pytest.raises(InternalError):
            step.run(context)


def test_destroy_refuses_when_something_is_in_the_way(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path)
    context.project.pointer.mkdir()
    with pytest.raises(EnvironmentOccupied):
        run(context)
    assert Generations(context.project).all() == ()


def test_destroy_names_what_it_does_not_know(tmp_path: Path) -> None:
    context, listener = context_at(tmp_path)
    stranger = context.project.generations / "0009-abcdefabcdef"
    stranger.mkdir(parents=True)
    make_generation(context.project, "building")
    run(context)
    assert stranger.is_dir()
    assert str(stranger) in listener.warnings[0]
    assert context.building.number == 11


def test_destroy_retires_by_the_manifest(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path, environment=EnvironmentWish(keep=1))
    for plan in ("7" * 64, "8" * 64):
        make_generation(context.project, plan=plan, current=True)
    (step,) = destroy.steps(context.project, context.manifest)
    step.run(context)
    assert [item.number for item in Generations(context.project).all()] == [2]
    assert context.details["destroy"] == "1 of 1 removed"
    assert step.up_to_date is not None
    assert step.up_to_date(context)


def test_bytecode_is_removed_but_never_through_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside" / "__pycache__"
    outside.mkdir(parents=True)
    (outside / "kept.pyc").write_text("x")
    root = tmp_path / "env"
    for name in (
        "lib/a/__pycache__/a.cpython-311.pyc",
        "lib/old.pyo",
        "lib/b.pyc",
        ".lockhouse/bytecode/c.pyc",
        "lib/d.py",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (root / "lib" / "link").symlink_to(tmp_path / "outside")
    (root / "lib" / "__pycache__").symlink_to(outside)
    (root / "lib" / "link.pyc").symlink_to(outside / "kept.pyc")
    assert seal_tree(root, purge=True).removed == 5
    left = sorted(
        path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir() or path.is_symlink()
    )
    assert left == [".lockhouse/bytecode/c.pyc", "lib/d.py", "lib/link"]
    assert (outside / "kept.pyc").exists()


def test_what_a_stage_compiled_is_gone_after_purge(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path)
    for name, step in steps(context).items():
        if name == "purge":
            python = context.building.path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
            subprocess.run([python, "-c", "import alpha"], env={"PYTHONDONTWRITEBYTECODE": ""}, check=True)
            assert list(context.building.path.rglob("*.pyc"))
        step.run(context)
    assert not list(context.building.path.rglob("*.pyc"))
    assert "1 bytecode file" in context.details["purge"]


def test_a_listener_hears_every_file_being_sealed(tmp_path: Path) -> None:
    context, listener = context_at(tmp_path)
    assert isinstance(listener, Listener)
    run(context)
    assert any(getattr(event, "item", None) == "sealing" for event in listener.events)
