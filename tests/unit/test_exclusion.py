"""One run at a time in a project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lockhouse.errors import ProjectBusy, StorageError
from lockhouse.events import Event, Message
from lockhouse.exclusion import hold_project
from lockhouse.project import Project

HOLD = """
import sys, time
from pathlib import Path
from lockhouse.events import discard
from lockhouse.exclusion import hold_project
from lockhouse.project import Project
root = Path(sys.argv[1])
lock = hold_project(Project(root=root, manifest=root, name="demo", pointer=root), discard, 1)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(root=tmp_path, manifest=tmp_path / "m.json", name="demo", pointer=tmp_path / ".venv")


def holder(project: Project) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(project.root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_second_run_waits_says_for_whom_and_gives_up(project: Project) -> None:
    told: list[Event] = []
    process = holder(project)
    try:
        with pytest.raises(ProjectBusy) as caught:
            hold_project(project, told.append, 0.2)
    finally:
        process.kill()
        process.communicate()
    assert f"process {process.pid}" in str(caught.value.cause)
    assert [type(event) for event in told] == [Message]


def test_project_of_a_killed_process_is_free(project: Project) -> None:
    process = holder(project)
    process.kill()
    process.communicate()
    hold_project(project, lambda event: pytest.fail(f"waited: {event}"), 5).release()


def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".lockhouse").write_text("in the way")
    project = Project(root=tmp_path, manifest=tmp_path, name="demo", pointer=tmp_path)
    with pytest.raises(StorageError, match=r"\.lockhouse"):
        hold_project(project, lambda event: None, 1)


@pytest.mark.parametrize("name", ["lock", "owner", "judged"])
def test_a_manifest_may_have_any_name(tmp_path: Path, name: str) -> None:
    project = Project(root=tmp_path, manifest=tmp_path / "m.json", name=name, pointer=tmp_path / ".venv")
    held = hold_project(project, lambda event: None, 1)
    assert not project.state.exists()
    held.release()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_disk_keeps_nobody_out(project: Project) -> None:
    project.home.mkdir()
    (project.home / ".owner").symlink_to("/dev/full")
    hold_project(project, lambda event: pytest.fail(f"waited: {event}"), 5).release()


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in the place of a file is refused in another way there")
def test_what_the_system_refuses_is_told_at_once(project: Project) -> None:
    (project.home / ".lock").mkdir(parents=True)
    for writing in (True, False):
        with pytest.raises(StorageError) as caught:
            hold_project(project, lambda event: pytest.fail(f"waited: {event}"), 3600, writing=writing)
        assert caught.value.summary.endswith(".lock")
        assert caught.value.cause == "Is a directory"
