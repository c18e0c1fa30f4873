"""Listing, going back and freeing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.generations import OTHER_PLAN, PLAN, make_generation, make_project
from fixtures.values import passed, plan_of, planned, report_of
from lockhouse.environments.generations import Generations
from lockhouse.environments.history import choose_rollback, find_freeable, free, list_generations
from lockhouse.errors import UsageError
from lockhouse.lockfile import Lock, lock_from, write_lock
from lockhouse.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def test_the_list_says_what_there_is(project: Project) -> None:
    make_generation(project, plan=OTHER_PLAN)
    make_generation(project, current=True)
    make_generation(project, "building")
    first, second, third = list_generations(project)
    assert [first.number, second.number, third.number] == [1, 2, 3]
    assert [first.current, second.current, third.current] == [False, True, False]
    assert [first.state, second.state, third.state] == ["committed", "committed", "building"]
    assert (first.plan, second.plan) == (OTHER_PLAN, PLAN)
    assert second.environment_digest == "d" * 64
    assert third.environment_digest is None
    assert second.created.endswith("Z")
    assert second.size is None


def test_sizes_are_measured_on_request_and_shared_files_count_once(project: Project) -> None:
    generation = make_generation(project, files={"lib/big": b"x" * 5000})
    (generation.path / "lib" / "again").hardlink_to(generation.path / "lib" / "big")
    (generation.path / "lib" / "link").symlink_to("big")
    (listed,) = list_generations(project, sizes=True)
    metadata = sum(path.stat().st_size for path in generation.metadata.iterdir())
    assert listed.size == 5000 + metadata


def test_the_list_names_the_lock_of_each(project: Project) -> None:
    make_generation(project)
    folder = project.manifest.parent
    folder.mkdir()
    (folder / "pylock.demo-cpu-linux_x86_64-cp310.toml").write_text("not toml at all = = =")
    write_lock(folder / "pylock.demo-2024-cpu-linux_x86_64-cp311.toml", lock_of("demo-2024"))
    assert list_generations(project)[0].lock is None
    write_lock(folder / "pylock.demo-cpu-linux_x86_64-cp311.toml", lock_of("demo"))
    assert list_generations(project)[0].lock == str(folder / "pylock.demo-cpu-linux_x86_64-cp311.toml")


def lock_of(name: str) -> Lock:
    plan = replace(plan_of(planned("alpha")), name=name)
    report = replace(report_of(plan, passed("a")), environment_digest="d" * 64)
    return lock_from(plan, report, {}, time="2026-01-02T03:04:05Z")


def serve(project: Project, *numbers: int) -> None:
    """Take generations into use, one after the other."""
    generations = Generations(project)
    for number in numbers:
        generations.commit(next(item for item in generations.all() if item.number == number))


def test_rollback_takes_the_one_that_served_before_and_is_undone_by_another(project: Project) -> None:
    for _ in range(3):
        make_generation(project)
    serve(project, 1, 2, 3)
    target = choose_rollback(project)
    assert target.number == 2
    serve(project, 2)
    assert choose_rollback(project).number == 3
    serve(project, 3)
    assert choose_rollback(project).number == 2


def test_what_was_named_is_what_the_next_one_goes_back_from(project: Project) -> None:
    for _ in range(3):
        make_generation(project)
    serve(project, 1, 2, 3)
    assert choose_rollback(project, 1).number == 1
    serve(project, 1)
    assert choose_rollback(project).number == 3


def test_being_taken_into_use_again_while_in_use_changes_nothing(project: Project) -> None:
    for _ in range(2):
        make_generation(project)
    serve(project, 1, 2)
    before = Generations(project).all()
    serve(project, 2)
    assert Generations(project).all() == before


def test_rollback_without_a_pointer_takes_what_served_last(project: Project) -> None:
    make_generation(project)
    make_generation(project)
    assert choose_rollback(project).number == 2  # from before it was noted
    serve(project, 2, 1)
    project.pointer.unlink()
    assert choose_rollback(project).number == 1


def test_only_what_has_served_can_be_gone_back_to(project: Project) -> None:
    make_generation(project, "verified")
    make_generation(project, current=True)
    with pytest.raises(UsageError, match="no other generation"):
        choose_rollback(project)
    with pytest.raises(UsageError, match="no generation 1"):
        choose_rollback(project, 1)
    with pytest.raises(UsageError, match="already in use"):
        choose_rollback(project, 2)


def test_an_impossible_rollback_names_what_is_possible(project: Project) -> None:
    make_generation(project)
    make_generation(project, current=True)
    with pytest.raises(UsageError) as refused:
        choose_rollback(project, 7)
    assert refused.value.cause == "kept besides the one in use: 1"


def test_clean_tells_and_then_does_the_same(project: Project) -> None:
    make_generation(project, plan="7" * 64)
    make_generation(project, plan=OTHER_PLAN)
    make_generation(project, "building")
    kept = make_generation(project, current=True)
    (project.generations / ".new-0011").mkdir()
    _, found = find_freeable(project, PLAN, keep=1)
    assert [item.kind for item in found] == ["leftover", "abandoned", "retired", "retired"]
    assert all(Path(item.path).exists() for item in found)
    assert free(project, PLAN, keep=1) == found
    assert Generations(project).all() == (kept,)
    assert free(project, PLAN, keep=1) == ()


def test_clean_makes_no_place_for_a_generation_that_is_not_being_built(project: Project) -> None:
    make_generation(project, plan="7" * 64)
    make_generation(project, plan="8" * 64, current=True)
    assert find_freeable(project, PLAN, keep=2)[1] == ()
