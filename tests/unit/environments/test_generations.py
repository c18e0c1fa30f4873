"""Generations: numbers, markers, the current one, and what may be removed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fixtures.generations import INTERPRETER, MANIFEST, OTHER_PLAN, PLAN, make_generation, make_project
from lockhouse.environments.generations import Generations
from lockhouse.environments.pointer import switch
from lockhouse.errors import EnvironmentOccupied, InternalError


def test_a_new_generation_is_named_for_number_and_plan_and_is_found_again(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    made = Generations(project).new(PLAN, MANIFEST, INTERPRETER)
    assert made.path == project.generations / "0001-111111111111"
    assert (made.number, made.plan, made.manifest, made.state) == (1, PLAN, MANIFEST, "building")
    assert made.interpreter == INTERPRETER
    assert made.created.endswith("Z")
    assert Generations(project).all() == (made,)
    assert [path.name for path in made.path.iterdir()] == [".lockhouse"]


def test_numbers_are_never_used_again(tmp_path: Path) -> None:
    generations = Generations(make_project(tmp_path))
    generations.new(PLAN, MANIFEST, INTERPRETER)
    second = generations.new(PLAN, MANIFEST, INTERPRETER)
    generations.remove(second)
    assert generations.new(PLAN, MANIFEST, INTERPRETER).number == 3


def test_numbers_go_on_after_the_counter_is_lost(tmp_path: Path) -> None:
    generations = Generations(make_project(tmp_path))
    generations.new(PLAN, MANIFEST, INTERPRETER)
    (generations.folder / ".last").unlink()
    assert generations.new(PLAN, MANIFEST, INTERPRETER).number == 2


def test_numbers_beyond_four_digits_keep_their_order(tmp_path: Path) -> None:
    generations = Generations(make_project(tmp_path))
    generations.new(PLAN, MANIFEST, INTERPRETER)
    (generations.folder / ".last").write_text("9998\n")
    made = [generations.new(PLAN, MANIFEST, INTERPRETER).number for _ in range(3)]
    assert made == [9999, 10000, 10001]
    assert [item.number for item in generations.all()] == [1, *made]


def test_advance_is_seen_by_everybody_and_never_goes_back(tmp_path: Path) -> None:
    generations = Generations(make_project(tmp_path))
    building = generations.new(PLAN, MANIFEST, INTERPRETER)
    sealed = generations.advance(building, "sealed", "d" * 64, seal="e" * 64)
    assert (sealed.state, sealed.environment_digest, sealed.seal) == ("sealed", "d" * 64, "e" * 64)
    committed = generations.advance(building, "committed")  # by someone who holds the old value
    assert committed.environment_digest == "d" * 64
    assert generations.advance(committed, "verified").state == "committed"
    assert generations.all() == (committed,)


def test_advance_of_a_generation_without_its_marker_is_a_defect(tmp_path: Path) -> None:
    generations = Generations(make_project(tmp_path))
    generation = generations.new(PLAN, MANIFEST, INTERPRETER)
    (generation.metadata / "generation.json").unlink()
    with pytest.raises(InternalError):
        generations.advance(generation, "sealed")


def test_the_current_generation_is_where_the_pointer_leads(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    generations = Generations(project)
    assert generations.current() is None
    first, second = make_generation(project), make_generation(project)
    switch(project.pointer, first.path)
    assert generations.current() == first
    switch(project.pointer, second.path)
    assert generations.current() == second


def test_the_generation_of_another_manifest_is_not_current(tmp_path: Path) -> None:
    theirs = make_generation(make_project(tmp_path, "other"), current=True)
    project = make_project(tmp_path, "demo")
    assert project.pointer.resolve() == theirs.path
    assert Generations(project).current() is None


def test_a_pointer_to_a_generation_that_is_gone_is_nothing(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    generation = make_generation(project, current=True)
    shutil.rmtree(generation.path)
    assert Generations(project).current() is None


def test_a_copied_checkout_knows_that_its_generation_moved(tmp_path: Path) -> None:
    make_generation(make_project(tmp_path / "here"), current=True)
    shutil.copytree(tmp_path / "here", tmp_path / "there", symlinks=True)
    copied = Generations(make_project(tmp_path / "there")).current()
    assert copied is not None
    assert copied.moved
    assert not Generations(make_project(tmp_path / "here")).all()[0].moved


def test_a_project_reached_through_a_link_has_not_moved(tmp_path: Path) -> None:
    make_generation(make_project(tmp_path / "here"))
    (tmp_path / "link").symlink_to("here")
    assert not Generations(make_project(tmp_path / "link")).all()[0].moved


def test_remove_takes_everything_and_leaves_nothing_behind(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    generation = make_generation(project)
    Generations(project).remove(generation)
    assert [path.name for path in project.generations.iterdir()] == [".last"]


def test_remove_does_not_follow_links_out_of_the_generation(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    precious = tmp_path / "precious" / "file"
    precious.parent.mkdir()
    precious.write_text("mine")
    generation = make_generation(project)
    (generation.path / "lib" / "link").symlink_to(precious.parent)
    (generation.path / "lib" / "file").symlink_to(precious)
    Generations(project).remove(generation)
    assert precious.read_text() == "mine"


def test_remove_refuses_a_folder_without_marker(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    generation = make_generation(project)
    (generation.metadata / "generation.json").unlink()
    with pytest.raises(EnvironmentOccupied):
        Generations(project).remove(generation)
    assert (generation.path / "lib" / "module.py").exists()


def test_remove_refuses_what_lies_elsewhere(tmp_path: Path) -> None:
    other = make_project(tmp_path / "other")
    theirs = make_generation(other)
    with pytest.raises(EnvironmentOccupied):
        Generations(make_project(tmp_path / "project")).remove(theirs)
    assert theirs.path.is_dir()


def test_remove_refuses_a_link_among_the_generations(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    first, second = make_generation(project), make_generation(project)
    shutil.rmtree(second.path)
    second.path.symlink_to(first.path)
    with pytest.raises(EnvironmentOccupied):
        Generations(project).remove(second)
    assert first.path.is_dir()


def test_remove_refuses_the_generation_in_use(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    generation = make_generation(project, current=True)
    with pytest.raises(InternalError):
        Generations(project).remove(generation)
    assert Generations(project).current() == generation


def test_interrupted_work_is_found_and_cleared(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    generations = Generations(project)
    generation = make_generation(project)
    generation.path.rename(project.generations / ".trash-0001-111111111111-aabbccdd")
    (project.generations / ".new-00112233" / ".lockhouse").mkdir(parents=True)
    (project.generations / ".new-44556677").mkdir()
    assert len(generations.leftovers()) == 3
    for leftover in generations.leftovers():
        generations.clear(leftover)
    assert generations.leftovers() == ()
    assert generations.new(OTHER_PLAN, MANIFEST, INTERPRETER).number == 2


@pytest.mark.parametrize("name", [".trash-0001-111111111111-aabbccdd", ".new-00112233", "0007-aaaaaaaaaaaa", "notes"])
def test_what_others_put_among_the_generations_is_named_and_left_alone(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path)
    stranger = project.generations / name
    stranger.mkdir(parents=True)
    (stranger / "thesis.txt").write_text("mine")
    generations = Generations(project)
    assert generations.leftovers() == ()
    assert generations.all() == ()
    assert generations.strangers() == (stranger,)
    with pytest.raises(EnvironmentOccupied):
        generations.clear(stranger)
    assert (stranger / "thesis.txt").exists()


def test_a_leftover_that_is_a_link_is_left_alone(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    theirs = make_generation(make_project(tmp_path / "other"))
    project.generations.mkdir(parents=True)
    (project.generations / ".trash-x").symlink_to(theirs.path)
    assert Generations(project).leftovers() == ()
    assert theirs.path.is_dir()


def test_a_marker_of_a_later_version_is_nothing_that_we_know(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    generation = make_generation(project)
    marker = generation.metadata / "generation.json"
    marker.write_text(marker.read_text().replace("lockhouse.generation/1", "lockhouse.generation/2"))
    assert Generations(project).all() == ()
    assert Generations(project).strangers() == (generation.path,)


@pytest.mark.skipif(os.name == "nt", reason="folders are not read-only on Windows")
def test_remove_opens_read_only_folders(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    generation = make_generation(project)
    (generation.path / "lib").chmod(0o500)
    Generations(project).remove(generation)
    assert Generations(project).leftovers() == ()
