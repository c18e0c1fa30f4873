"""The pointer: where it leads, how it switches, and what it refuses to replace."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from fixtures.generations import make_generation, make_project
from lockhouse.environments.pointer import check_pointer, read, switch
from lockhouse.errors import EnvironmentOccupied, StorageError


def test_the_pointer_is_a_relative_link_and_leads_to_its_target(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    generation = make_generation(project, current=True)
    assert not project.pointer.readlink().is_absolute()
    assert read(project.pointer) == generation.path
    check_pointer(project)


def test_switching_replaces_the_link_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    make_generation(project, current=True)
    second = make_generation(project, current=True)
    assert read(project.pointer) == second.path
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lockhouse", ".venv"]


def test_a_pointer_in_a_folder_that_does_not_exist_yet_is_made(tmp_path: Path) -> None:
    project = replace(make_project(tmp_path), pointer=tmp_path / "build" / "env")
    generation = make_generation(project, current=True)
    assert project.pointer.resolve() == generation.path


def test_a_pointer_in_a_linked_folder_still_leads_to_the_generation(tmp_path: Path) -> None:
    (tmp_path / "far" / "away").mkdir(parents=True)
    project = make_project(tmp_path / "project")
    (project.root / "envs").symlink_to(tmp_path / "far" / "away")
    project = replace(project, pointer=project.root / "envs" / "main")
    generation = make_generation(project, current=True)
    assert project.pointer.resolve() == generation.path
    assert read(project.pointer) == generation.path


def test_nothing_and_a_link_that_leads_nowhere_may_be_replaced(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    check_pointer(project)
    assert read(project.pointer) is None
    project.pointer.symlink_to("nowhere")
    check_pointer(project)


def test_the_generation_of_another_manifest_may_be_replaced(tmp_path: Path) -> None:
    make_generation(make_project(tmp_path, "other"), current=True)
    project = make_project(tmp_path)
    check_pointer(project)
    generation = make_generation(project, current=True)
    assert read(project.pointer) == generation.path


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_somebody_else_made_is_refused_with_advice(tmp_path: Path, kind: str) -> None:
    project = make_project(tmp_path)
    generation = make_generation(project)
    if kind == "folder":
        (project.pointer / "bin").mkdir(parents=True)
    else:
        project.pointer.write_text("x")
    with pytest.raises(EnvironmentOccupied) as refused:
        check_pointer(project)
    assert kind in (refused.value.cause or "")
    assert [hint.code for hint in refused.value.hints] == ["move-away", "choose-path"]
    with pytest.raises(EnvironmentOccupied):
        switch(project.pointer, generation.path)
    assert read(project.pointer) is None


def test_a_link_to_elsewhere_is_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    (tmp_path / "elsewhere").mkdir()
    project.pointer.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EnvironmentOccupied, match="in the way"):
        check_pointer(project)


def test_a_link_to_the_environment_of_another_project_is_refused(tmp_path: Path) -> None:
    theirs = make_generation(make_project(tmp_path / "other"))
    project = make_project(tmp_path / "project")
    project.pointer.symlink_to(theirs.path)
    with pytest.raises(EnvironmentOccupied):
        check_pointer(project)


@pytest.mark.parametrize("path", [".", ".lockhouse/env", ".lockhouse/demo/generations/env"])
def test_the_project_s_own_places_are_refused(tmp_path: Path, path: str) -> None:
    project = make_project(tmp_path)
    project = replace(project, pointer=project.root / path)
    with pytest.raises(EnvironmentOccupied, match="in the way"):
        check_pointer(project)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Windows as far as the pointer knows it; what makes junctions there makes absolute links here."""
    made = ModuleType("_winapi")
    made.CreateJunction = lambda target, place: Path(place).symlink_to(target)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "_winapi", made)
    monkeypatch.setattr(sys, "platform", "win32")
    yield
    monkeypatch.undo()


@pytest.mark.usefixtures("windows")
def test_a_junction_is_made_beside_and_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    first, second, pointer = tmp_path / "first", tmp_path / "second", tmp_path / ".venv"
    for target in (first, second, first):
        target.mkdir(exist_ok=True)
        switch(pointer, target)
        assert read(pointer) == target
        assert {path.name for path in tmp_path.iterdir()} <= {"first", "second", ".venv"}


@pytest.mark.usefixtures("windows")
def test_a_junction_whose_turn_was_cut_short_is_made_whole(tmp_path: Path) -> None:
    first, second, pointer = tmp_path / "first", tmp_path / "second", tmp_path / ".venv"
    first.mkdir()
    second.mkdir()
    (tmp_path / ".venv.lockhouse-old").symlink_to(first)  # killed between the two renames
    (tmp_path / ".venv.lockhouse-new").symlink_to(second)
    switch(pointer, second)
    assert read(pointer) == second
    assert sorted(path.name for path in tmp_path.iterdir()) == [".venv", "first", "second"]


@pytest.mark.usefixtures("windows")
def test_a_junction_that_cannot_take_its_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, pointer = tmp_path / "first", tmp_path / "second", tmp_path / ".venv"
    first.mkdir()
    second.mkdir()
    switch(pointer, first)
    rename = os.rename

    def held(source: Path, target: Path) -> None:
        if source.name.endswith(".lockhouse-new"):
            raise PermissionError(13, "held")
        rename(source, target)

    monkeypatch.setattr(os, "rename", held)
    with pytest.raises(StorageError):
        switch(pointer, second)
    assert read(pointer) == first
    assert sorted(path.name for path in tmp_path.iterdir()) == [".venv", "first", "second"]
