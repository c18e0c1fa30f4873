"""The pytest plugin, in the hands of an author of plugins."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
NAME = "lockhouse.testing.pytest_plugin"


def run_pytest(folder: Path, code: str, *options: str) -> str:
    (folder / "test_mine.py").write_text(dedent(code), encoding="utf-8")
    environment = {**os.environ, "LOCKHOUSE_DISABLE_PLUGINS": "cuda", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", NAME, "-p", "no:cacheprovider", *options, str(folder)]
    ended = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return ended.stdout + ended.stderr


def test_pytest_finds_the_fixtures_by_the_entry_point_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"lockhouse": NAME}


def test_a_run_of_strangers_is_not_disturbed() -> None:
    code = f"import pytest, sys; before = set(sys.modules); import {NAME}; print(*sorted(set(sys.modules) - before))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["lockhouse", "lockhouse.testing", NAME]


def test_a_project_is_built_from_wheels_of_a_local_index_apart_from_the_user(tmp_path: Path) -> None:
    shown = run_pytest(
        tmp_path,
        """
        import os
        from lockhouse.testing.wheels import WheelSpec

        def test_install(lockhouse_site):
            assert "LOCKHOUSE_DISABLE_PLUGINS" not in os.environ
            WheelSpec("alpha", console_scripts={"alpha": "alpha:main"}).build(lockhouse_site.index.folder)
            lockhouse_site.manifest("alpha")
            lockhouse_site.installed()
            assert (lockhouse_site.site_packages() / "alpha").is_dir()
            assert "up to date" in lockhouse_site.doit("install").out
        """,
    )
    assert "1 passed" in shown


@pytest.mark.skipif(os.name == "nt", reason="programs are scripts")
def test_a_recorded_machine_can_be_become(tmp_path: Path) -> None:
    shown = run_pytest(
        tmp_path,
        """
        import subprocess
        from lockhouse.testing.machines import ExpectedReading, RecordedCommand, RecordedMachine

        def test_machine(lockhouse_machine):
            smi = {"smi": RecordedCommand(output="hello")}
            reading = ExpectedReading(present=True)
            lockhouse_machine(RecordedMachine(about="a", reading=reading, supports={}, commands=smi, name="m"))
            assert subprocess.check_output(["smi", "-x"], text=True) == "hello"
        """,
    )
    assert "1 passed" in shown
