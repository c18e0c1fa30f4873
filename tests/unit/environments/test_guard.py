"""The guard, proven with the real pip that every Python carries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.values import planned
from fixtures.wheels import build_wheel
from lockhouse.environments.guard import CONFIGURATION, write_guard


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the pip of ``ensurepip`` and numpy 2.0, at a path that is hard to quote."""
    root = tmp_path_factory.mktemp("with a space and 50% more")
    environment = root / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True, capture_output=True)
    for name, version, *needs in (
        ("numpy", "1.26.0"),
        ("numpy", "2.0.0"),
        ("numpy", "2.1.0"),
        ("free", "1.0"),
        ("greedy", "1.0", "numpy<2"),
        ("content", "1.0", "numpy>=2"),
    ):
        build_wheel(root / "links", name, version, *needs)
    run(environment, "install", "numpy==2.0.0")
    write_guard(environment, [planned("numpy", "2.0.0"), planned("torch", "2.5.1+cu124")])
    return environment


def run(environment: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run the environment's pip, which knows no index but a folder."""
    links = environment.parent / "links"
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    variables |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": links.as_uri(), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return subprocess.run(
        [python, "-m", "pip", *argv], env=variables, capture_output=True, text=True, check=False, cwd=environment.parent
    )


def version(environment: Path) -> str:
    return run(environment, "show", "numpy").stdout.partition("Version: ")[2].partition("\n")[0]


def test_pip_has_the_guard_as_its_site_configuration(environment: Path) -> None:
    listed = run(environment, "config", "list", "-v").stdout

    assert str(environment / CONFIGURATION) in listed
    assert "constraint" in listed


@pytest.mark.parametrize(
    "argv",
    [
        ("install", "numpy==1.26.0"),
        ("install", "numpy==2.1.0"),
        ("install", "greedy"),
        ("download", "--dest", "fetched", "numpy==2.1.0"),
    ],
)
def test_pip_refuses_another_version_of_what_was_planned(environment: Path, argv: tuple[str, ...]) -> None:
    ended = run(environment, *argv)

    assert ended.returncode != 0
    assert "numpy" in ended.stdout + ended.stderr
    assert "constraint" in ended.stdout + ended.stderr
    assert version(environment) == "2.0.0"


def test_pip_upgrade_changes_nothing_that_was_planned(environment: Path) -> None:
    ended = run(environment, "install", "--upgrade", "numpy")

    assert ended.returncode == 0, ended.stderr
    assert version(environment) == "2.0.0"


def test_pip_still_adds_what_agrees_with_the_plan(environment: Path) -> None:
    ended = run(environment, "install", "free", "content")

    assert ended.returncode == 0, ended.stderr
    assert version(environment) == "2.0.0"
