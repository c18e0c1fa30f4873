"""Generations under kill -9 at every operation, on a full disk, and where nothing may be written.

What must hold at any instant: the pointer leads to a whole environment or does not exist, what is not ours is not
touched, and the next run clears up and goes on.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixtures.contexts import context_at, replan
from fixtures.generations import INTERPRETER, MANIFEST, fill, make_generation, make_project, seal
from fixtures.wheels import WheelSpec
from lockhouse.environments.drift import find_drift
from lockhouse.environments.generations import Generations
from lockhouse.environments.pointer import switch
from lockhouse.environments.retirement import clear, find_clearing
from lockhouse.errors import LockhouseError, StorageError
from lockhouse.phases import create, destroy, install, purge
from lockhouse.project import Project

pytestmark = pytest.mark.skipif(os.name == "nt", reason="made of fork, signals and mounts")

# Everything that Python does to a file system raises one of these before it happens.
OPERATIONS = frozenset({"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.symlink", "os.chmod"})


def live(project: Project, rounds: int) -> None:
    """Build, commit and retire as the phases do."""
    generations = Generations(project)
    for _ in range(rounds):
        number = len(generations.all()) + random.randrange(3)
        plan = f"{number % 10}" * 64
        clear(generations, find_clearing(generations, plan, 2), "ignore")
        made = generations.new(plan, MANIFEST, INTERPRETER)
        fill(made.path, {f"lib/{i}.py": f"number = {made.number}\n" for i in range(5)})
        made = generations.advance(made, "sealed", "d" * 64, seal=seal(made.path))
        made = generations.advance(made, "verified")
        switch(project.pointer, made.path)
        generations.advance(made, "committed")


def assert_whole(project: Project, strangers: list[Path]) -> None:
    generations = Generations(project)
    current = generations.current()
    if project.pointer.is_symlink():
        assert current is not None, "the pointer leads nowhere"
        assert current.reached("verified")
        assert not find_drift(current)
    for stranger in strangers:
        assert (stranger / "thesis.txt").read_text() == "mine"
    numbers = [item.number for item in generations.all()]
    assert len(set(numbers)) == len(numbers)


def assert_clears_up(project: Project, strangers: list[Path]) -> None:
    generations = Generations(project)
    current = generations.current()
    assert clear(generations, find_clearing(generations, None, 2), "ignore") == ()
    assert generations.leftovers() == ()
    assert set(generations.strangers()) == set(strangers)
    assert len(generations.all()) <= 2 + (current is not None and not current.reached("committed"))
    assert generations.current() == current
    assert {path.name for path in project.root.iterdir()} <= {".lockhouse", ".venv", ".venv.lockhouse-new"}
    left = {path.name for path in project.generations.iterdir()} - {".last"}
    assert left == {item.path.name for item in generations.all()} | {path.name for path in strangers}


def make_strangers(project: Project) -> list[Path]:
    """Folders of somebody else, named like ours."""
    strangers = [project.generations / name for name in (".trash-0001-x", ".new-1", "notes")]
    for stranger in strangers:
        fill(stranger, {"thesis.txt": "mine"})
    return strangers


def dies_at(operation: int, work: Callable[[], None], within: Path) -> bool:
    """Run ``work`` in a process that is killed before its n-th change in a folder; return whether it got so far."""
    child = os.fork()
    if child == 0:
        count = 0

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal count
            if event in OPERATIONS and any(
                isinstance(item, str | Path) and str(within) in str(item) for item in arguments
            ):
                count += 1
                if count == operation:
                    os.kill(os.getpid(), signal.SIGKILL)

        status = 70
        try:
            sys.addaudithook(watch)
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL, "the work itself failed"
    return status != 0


def test_killed_before_any_operation_of_a_life(tmp_path: Path) -> None:
    operation = 0
    while True:
        operation += 1
        project = make_project(tmp_path / str(operation))
        strangers = make_strangers(project)
        make_generation(project, plan="e" * 64, current=True)
        make_generation(project, plan="f" * 64, current=True)
        killed = dies_at(operation, lambda project=project: live(project, 1), project.root)  # type: ignore[misc]
        assert_whole(project, strangers)
        assert_clears_up(project, strangers)
        if not killed:
            break
        live(project, 1)
        assert_whole(project, strangers)
        assert {path.name for path in project.root.iterdir()} == {".lockhouse", ".venv"}
    assert operation > 40


def test_killed_before_any_operation_of_the_phases(tmp_path: Path) -> None:
    """Every eleventh one: the phases make hundreds."""
    context, _ = context_at(tmp_path)
    phases = (destroy, create, install, purge)
    steps = [step for phase in phases for step in phase.steps(context.project, context.manifest)]

    def build() -> None:
        for step in steps:
            assert step.up_to_date is not None
            if not step.up_to_date(context):
                step.run(context)

    build()
    served = Generations(context.project).advance(context.building, "committed")
    switch(context.project.pointer, served.path)
    replan(context, WheelSpec("beta"))
    operation = 1
    while dies_at(operation, build, tmp_path):
        assert Generations(context.project).current() == served
        assert not find_drift(served)
        operation += 11
    build()
    assert context.building.environment_digest is not None
    assert not find_drift(context.building)
    assert {item.number for item in Generations(context.project).all()} == {1, context.building.number}


def test_killed_at_random_instants(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    strangers = make_strangers(project)
    made = 0
    for seed in range(25):
        child = os.fork()
        if child == 0:
            try:
                live(project, sys.maxsize)
            finally:
                os._exit(70)
        time.sleep(random.Random(seed).uniform(0.01, 0.15))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the work itself failed"
        assert_whole(project, strangers)
        numbers = [item.number for item in Generations(project).all()]
        made = max([made, *numbers])
    assert_clears_up(project, strangers)
    assert made > 25


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only the administrator can make a small file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill_up(place: Path) -> None:
    """Leave no room at all."""
    with (place / "ballast").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return


def test_a_full_disk_keeps_marker_pointer_and_current_environment(small_disk: Path) -> None:
    project = make_project(small_disk)
    generations = Generations(project)
    current = make_generation(project, current=True)
    sealed = make_generation(project, "sealed", plan="2" * 64)
    fill_up(small_disk)
    with pytest.raises(StorageError) as failed:
        generations.new("3" * 64, MANIFEST, INTERPRETER)
    assert "space" in (failed.value.cause or "")
    with pytest.raises(StorageError):
        generations.advance(sealed, "verified")
    assert generations.all() == (current, sealed)
    assert generations.current() == current
    assert not find_drift(current)


def test_on_a_full_disk_old_generations_can_be_cleared_and_work_goes_on(small_disk: Path) -> None:
    project = make_project(small_disk)
    generations = Generations(project)
    make_generation(project, plan="2" * 64, files={"lib/big": b"x" * 100_000})
    make_generation(project, current=True)
    fill_up(small_disk)
    assert clear(generations, find_clearing(generations, "3" * 64, 1), "refuse") == ()
    assert generations.new("3" * 64, MANIFEST, INTERPRETER).number == 3


def test_a_disk_that_fills_up_during_a_build_leaves_the_current_environment_alone(small_disk: Path) -> None:
    context, _ = context_at(small_disk)
    served = make_generation(context.project, plan="2" * 64, current=True)
    (step,) = create.steps(context.project, context.manifest)
    replan(context, WheelSpec("beta"))
    with (small_disk / "ballast").open("wb") as file:
        free = os.statvfs(small_disk)
        file.write(b"x" * max(0, free.f_bavail * free.f_bsize - 24_000))
    with pytest.raises(LockhouseError):
        step.run(context)
    assert context.candidate is None
    assert Generations(context.project).all() == (served,)
    assert Generations(context.project).current() == served


def as_nobody(work: Callable[[], None]) -> None:
    """Run ``work`` in a process without the administrator's rights."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A folder that a process without rights can reach and write to."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o777)
        yield place


def test_read_only_folders_and_files_are_removed_all_the_same(everybodys: Path) -> None:
    def work() -> None:
        project = make_project(everybodys / "project")
        generation = make_generation(project, files={"lib/a/b/c.py": "x", "lib/a/d.py": "y"})
        for folder, _, files in os.walk(generation.path / "lib", topdown=False):
            for name in files:
                Path(folder, name).chmod(0o400)
            Path(folder).chmod(0o500)
        Generations(project).remove(generation)
        assert Generations(project).leftovers() == ()

    as_nobody(work)


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o100], ids=["closed", "only listed", "only entered"])
def test_what_cannot_be_looked_at_is_drift(everybodys: Path, mode: int) -> None:
    def work() -> None:
        generation = make_generation(make_project(everybodys / "project"), files={"lib/a/b.py": "x", "bin/c": "y"})
        added = generation.path / "new"
        added.mkdir()
        (added / "file").write_text("x")
        for folder in (generation.path / "lib" / "a", added):
            folder.chmod(mode)
        for deep in (False, True):
            drift = find_drift(generation, deep=deep)
            assert (drift.modified, drift.missing) == ((), ("lib/a/b.py",))
            assert drift.extra == (("new/file",) if mode == 0o400 else ("new",))

    as_nobody(work)


def test_a_file_mode_is_not_changed_through_another_name_of_it(everybodys: Path) -> None:
    """What is hard-linked here may be the store's: removal must not reach it."""

    def work() -> None:
        project = make_project(everybodys / "project")
        generation = make_generation(project)
        original = everybodys / "store.py"
        original.write_text("x")
        original.chmod(0o444)
        (generation.path / "lib" / "linked.py").hardlink_to(original)
        (generation.path / "lib").chmod(0o500)
        Generations(project).remove(generation)
        assert original.stat().st_mode & 0o777 == 0o444
        assert original.read_text() == "x"

    as_nobody(work)


def test_where_nothing_may_be_written_the_error_names_the_place(everybodys: Path) -> None:
    def work() -> None:
        project = make_project(everybodys / "project")
        current = make_generation(project, current=True)
        project.generations.chmod(0o500)
        generations = Generations(project)
        with pytest.raises(StorageError, match="generations") as failed:
            generations.new("2" * 64, MANIFEST, INTERPRETER)
        assert failed.value.cause == "Permission denied"
        project.generations.chmod(0o700)
        other = make_generation(project, plan="2" * 64)
        project.generations.chmod(0o500)
        left = clear(generations, find_clearing(generations, None, 1), "refuse")
        assert left == (other.path,)
        assert generations.current() == current
        project.generations.chmod(0o700)

    as_nobody(work)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only the administrator can make what others cannot")
def test_what_cannot_be_removed_stays_a_leftover_that_says_whose_it_is(everybodys: Path) -> None:
    project = make_project(everybodys / "project")

    def make() -> None:
        make_generation(project)
        make_generation(project, "building")

    def remove() -> None:
        generations = Generations(project)
        with pytest.raises(StorageError, match="could not be removed") as failed:
            generations.remove(generations.all()[0])
        assert "theirs" in (failed.value.cause or "")
        (leftover,) = generations.leftovers()
        marked = generations.read(leftover)
        assert marked is not None
        assert marked.number == 1
        left = clear(generations, find_clearing(generations, None, 2), "ignore")
        assert left == (leftover,)
        assert generations.all() == ()

    project.root.chmod(0o777)
    as_nobody(make)
    fill(project.generations / "0001-111111111111" / "lib" / "theirs", {"file": "x"})
    as_nobody(remove)
    assert (project.generations / Generations(project).leftovers()[0] / "lib" / "theirs" / "file").exists()
