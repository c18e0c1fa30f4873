"""What may go and what stays: never the environment in use, and never more than is kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.generations import OTHER_PLAN, PLAN, make_generation, make_project
from lockhouse.environments.generations import Generations
from lockhouse.environments.pointer import switch
from lockhouse.environments.retirement import Clearing, clear, find_clearing
from lockhouse.events import Event, Message
from lockhouse.project import Project

NEXT_PLAN = "3" * 64


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def decide(project: Project, plan: str | None, keep: int = 2) -> tuple[list[int], list[int]]:
    """Numbers that are abandoned, and that are retired."""
    clearing = find_clearing(Generations(project), plan, keep)
    return [item.number for item in clearing.abandoned], [item.number for item in clearing.retired]


def test_nothing_is_to_be_cleared_where_nothing_is(project: Project) -> None:
    assert not find_clearing(Generations(project), PLAN, 2)


def test_a_build_that_did_not_finish_goes(project: Project) -> None:
    make_generation(project, "building")
    assert decide(project, PLAN) == ([1], [])


@pytest.mark.parametrize("state", ["sealed", "verified"])
def test_a_finished_build_stays_for_its_plan_only(project: Project, state: str) -> None:
    make_generation(project, "sealed" if state == "sealed" else "verified")
    assert decide(project, PLAN) == ([], [])
    assert decide(project, OTHER_PLAN) == ([1], [])
    assert decide(project, None) == ([1], [])


def test_of_several_finished_builds_the_newest_stays(project: Project) -> None:
    make_generation(project, "verified")
    make_generation(project, "sealed")
    assert decide(project, PLAN) == ([1], [])


def test_a_finished_build_that_a_later_one_went_past_goes(project: Project) -> None:
    make_generation(project, "verified")
    make_generation(project, "committed", current=True)
    assert decide(project, PLAN) == ([1], [])


def test_the_one_in_use_stays_in_whatever_state(project: Project) -> None:
    make_generation(project, "verified", current=True)  # killed between the switch and the last note
    assert decide(project, PLAN) == ([], [])
    assert decide(project, OTHER_PLAN) == ([], [])


def test_nothing_goes_before_another_one_has_taken_its_place(project: Project) -> None:
    make_generation(project, plan=PLAN)
    make_generation(project, plan=OTHER_PLAN, current=True)
    assert decide(project, NEXT_PLAN, keep=2) == ([], [])
    for state in ("sealed", "verified"):
        make_generation(project, state, plan=NEXT_PLAN)
        assert 1 not in decide(project, NEXT_PLAN, keep=2)[1]
    make_generation(project, plan=NEXT_PLAN, current=True)
    assert decide(project, NEXT_PLAN, keep=2)[1] == [1]
    assert decide(project, NEXT_PLAN, keep=3)[1] == []


def test_nothing_kept_is_retired_when_nothing_is_coming(project: Project) -> None:
    make_generation(project, plan=PLAN)
    make_generation(project, plan=OTHER_PLAN, current=True)
    assert decide(project, OTHER_PLAN, keep=2) == ([], [])
    assert decide(project, PLAN, keep=2) == ([], [])  # going back to it
    assert decide(project, None, keep=2) == ([], [])


def test_with_one_kept_the_one_in_use_stays_until_its_successor_serves(project: Project) -> None:
    make_generation(project, plan=PLAN, current=True)
    assert decide(project, OTHER_PLAN, keep=1) == ([], [])
    make_generation(project, "verified", plan=OTHER_PLAN)
    assert decide(project, OTHER_PLAN, keep=1) == ([], [])
    make_generation(project, plan=OTHER_PLAN, current=True)
    assert decide(project, OTHER_PLAN, keep=1)[1] == [1]


def test_the_newest_are_kept_and_the_one_in_use_first_of_all(project: Project) -> None:
    first = make_generation(project, plan="4" * 64)
    make_generation(project, plan="5" * 64)
    make_generation(project, plan="6" * 64)
    switch(project.pointer, first.path)  # after a rollback
    assert decide(project, first.plan, keep=2) == ([], [2])
    assert decide(project, NEXT_PLAN, keep=2) == ([], [2])


def test_what_was_gone_back_to_is_kept_before_what_was_left(project: Project) -> None:
    first, second = make_generation(project, plan="4" * 64), make_generation(project, plan="5" * 64)
    generations = Generations(project)
    for served in (first, second, first, make_generation(project, plan="6" * 64)):
        generations.commit(served)
    assert decide(project, "6" * 64, keep=2) == ([], [2])


def test_a_repetition_of_the_plan_in_use_goes_before_an_older_plan(project: Project) -> None:
    make_generation(project, plan=OTHER_PLAN)
    make_generation(project, plan=PLAN)  # drifted, and built again as the next
    make_generation(project, plan=PLAN, current=True)
    assert decide(project, PLAN, keep=2) == ([], [2])


def test_a_generation_that_was_copied_here_goes_unless_in_use(tmp_path: Path) -> None:
    there = make_project(tmp_path / "there")
    make_generation(there)
    make_generation(there, current=True)
    (tmp_path / "there").rename(tmp_path / "here")
    assert decide(make_project(tmp_path / "here"), PLAN) == ([1], [])


def test_what_was_decided_is_removed_and_the_rest_is_not(project: Project) -> None:
    make_generation(project, plan=OTHER_PLAN)
    make_generation(project, "building")
    (project.generations / ".new-0011").mkdir()
    kept = make_generation(project, current=True)
    generations = Generations(project)
    assert clear(generations, find_clearing(generations, PLAN, 1), "refuse") == ()
    assert generations.all() == (kept,)
    assert generations.leftovers() == ()
    assert not find_clearing(generations, PLAN, 1)


@contextmanager
def working_in(folder: Path) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-I", "-c", "print('ready', flush=True); import sys; sys.stdin.read()"]
    process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def busy(project: Project) -> tuple[Generations, Clearing, Path]:
    generation = make_generation(project, plan=OTHER_PLAN)
    make_generation(project, current=True)
    generations = Generations(project)
    return generations, find_clearing(generations, PLAN, 1), generation.path


def test_a_generation_in_use_by_a_process_stays_and_the_process_is_named(project: Project) -> None:
    generations, clearing, path = busy(project)
    events: list[Event] = []
    with working_in(path) as process:
        assert clear(generations, clearing, "refuse", events.append) == (path,)
        assert process.poll() is None
    (warning,) = events
    assert isinstance(warning, Message)
    assert warning.level == "warning"
    assert str(process.pid) in warning.text
    assert path.is_dir()


def test_processes_are_ended_where_the_manifest_wants_it(project: Project) -> None:
    generations, clearing, path = busy(project)
    with working_in(path) as process:
        assert clear(generations, clearing, "terminate") == ()
        assert process.poll() is not None
    assert not path.exists()


def test_checks_that_a_killed_run_left_running_end_with_what_it_built(project: Project) -> None:
    unfinished = make_generation(project, "sealed", plan=OTHER_PLAN)
    kept = make_generation(project, current=True)
    generations = Generations(project)
    with working_in(unfinished.path) as check:
        assert clear(generations, find_clearing(generations, PLAN, 1), "refuse") == ()
        assert check.poll() is not None
    assert generations.all() == (kept,)


@pytest.mark.skipif(sys.platform == "win32", reason="what is in use cannot be removed there")
def test_processes_are_not_looked_at_where_the_manifest_says_so(project: Project) -> None:
    generations, clearing, path = busy(project)
    with working_in(path) as process:
        assert clear(generations, clearing, "ignore") == ()
        assert process.poll() is None
    assert not path.exists()
