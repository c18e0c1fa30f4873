"""What a killed run leaves in the project: found there, and gone with the next one."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from fixtures.contexts import context_at
from fixtures.index import Index
from fixtures.site import Site
from lockhouse.exclusion import hold_project

UNTIL_ALONE = "import os, time\nparent = os.getppid()\nwhile os.getppid() == parent: time.sleep(0.05)"


@pytest.mark.skipif(sys.platform == "win32", reason="a process there does not notice that its parent is gone")
def test_bytecode_of_checks_that_were_killed_goes_with_the_next_run(index: Index, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    site = Site(tmp_path / "project", index, {"TMPDIR": str(tmp_path / "tmp")})
    site.wheel("alpha")
    begun = tmp_path / "begun"
    site.manifest("alpha", checks=[{"name": "endless", "run": f"open({str(begun)!r}, 'w').close()\n{UNTIL_ALONE}"}])
    process = site.start("install")
    temporary = site.root / ".lockhouse" / "demo" / "tmp"
    deadline = time.monotonic() + 60
    while not begun.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert list(temporary.glob("*/**/*.pyc"))
    assert not list((tmp_path / "tmp").glob("*bytecode*"))

    assert site.run("detect").status == 0

    assert not temporary.exists()


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
