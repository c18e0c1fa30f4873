"""What a killed run leaves in the project: found there, and gone with the next one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from fixtures.contexts import context_at
from fixtures.index import Index
from fixtures.site import Site
from lockhouse.exclusion import hold_project

UNTIL_ALONE = "import os, time\nparent = os.getppid()\nwhile os.getppid() == parent: time.sleep(0.05)"

ENDLESS = """
import os, time
with open({note!r} + ".new", "w") as file:
    file.write(str(os.getpid()))
os.rename({note!r} + ".new", {note!r})
time.sleep(600)
"""


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="a process there does not notice that its parent is gone")
def test_bytecode_of_checks_that_were_killed_goes_with_the_next_run(index: Index, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    site = Site(tmp_path / "project", index, {"TMPDIR": str(tmp_path / "tmp")})
    site.wheel("alpha")
    begun = tmp_path / "begun"
    site.manifest(
        "alpha",
        checks=[{"name": "endless", "run": f"import fractions\nopen({str(begun)!r}, 'w').close()\n{UNTIL_ALONE}"}],
    )
    process = site.start("install")
    temporary = site.root / ".lockhouse" / "demo" / "tmp"
    wait_for(begun.exists, process)
    process.kill()
    process.communicate()
    assert list(temporary.glob("*/**/*.pyc"))
    assert not list((tmp_path / "tmp").glob("*bytecode*"))

    assert site.run("detect").status == 0

    assert not temporary.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a process there does not notice that its parent is gone")
def test_checks_that_were_killed_with_their_run_end_with_the_next_one(index: Index, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    site = Site(tmp_path / "project", index, {"TMPDIR": str(tmp_path / "tmp")})
    site.wheel("alpha")
    begun = tmp_path / "begun"
    site.manifest("alpha", checks=[{"name": "endless", "run": ENDLESS.format(note=str(begun)), "timeout": 600}])
    process = site.start("install")
    wait_for(begun.exists, process)
    process.kill()
    process.communicate()
    check = psutil.Process(int(begun.read_text()))
    (left,) = (tmp_path / "tmp").glob("lockhouse-check-*")
    assert check.cwd() == str(left)

    assert site.run("detect").status == 0

    psutil.wait_procs([check], timeout=60)
    assert not check.is_running()
    assert not left.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a process there cannot be killed without a word by a signal")
def test_pages_of_a_planning_that_was_killed_go_with_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    context, _ = context_at(tmp_path)
    notes = context.project.temporary
    code = (
        "import os, sys; from pathlib import Path; from lockhouse.temporary import temporary_folder\n"
        "with temporary_folder('pages', Path(sys.argv[1])) as folder:\n"
        "    (folder / 'uv.toml').write_text('secret')\n"
        "    os.kill(os.getpid(), 9)"
    )
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    killed = subprocess.run([sys.executable, "-c", code, notes], env=environ, check=False, timeout=60)
    assert killed.returncode == -9
    (left,) = tmp_path.glob("lockhouse-pages-*")
    assert (left / "uv.toml").exists()

    hold_project(context.project, lambda _: None, 1.0).release()

    assert not left.exists()
    assert not notes.exists()


def test_half_written_files_go_as_soon_as_somebody_has_the_project_alone(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path)
    project = context.project
    project.manifest.parent.mkdir(exist_ok=True)
    killed = [folder / ".lockhouse-writing-x.1-2" for folder in (project.state, project.manifest.parent)]
    killed.append(project.wheelhouse / ".lockhouse-writing-.hashes.json.1-2")
    for path in killed:
        path.write_bytes(b"half")
    kept = set(project.wheelhouse.iterdir()) - set(killed)

    hold_project(project, lambda _: None, 1.0).release()

    assert not any(path.exists() for path in killed)
    assert kept <= set(project.wheelhouse.iterdir())
