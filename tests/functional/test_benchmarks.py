"""The benchmarks work, whatever their figures: real tools, a wheelhouse that is as small as it can be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.results import load
from benchmarks.wheelhouses import generate

ROOT = Path(__file__).parents[2]


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *argv], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.mark.parametrize("pip", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_every_case_is_measured_and_nothing_is_left_behind(tmp_path: Path, pip: bool) -> None:
    generate(tmp_path / "wheels", 2, 20)
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    ended = run(
        *("--wheelhouse", str(tmp_path / "wheels"), "--rounds", "1", "--scratch", str(scratch)),
        *("--json", str(tmp_path / "results.json")),
        *([] if pip else ["--no-pip"]),
    )

    assert ended.returncode == 0, ended.stderr
    results = load((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert {case.name: [series.name for series in case.series] for case in results.cases} == {
        "cold": ["uv", "lockhouse", *(["pip", "pip --no-compile"] if pip else [])],
        "first": ["uv", "lockhouse"],
        "warm": ["uv", "lockhouse"],
        "rebuild": ["uv", "lockhouse"],
        "nothing": ["uv", "lockhouse"],
        "deep": ["sha256sum", "lockhouse"],
    }
    assert all(len(series.seconds) == 1 for case in results.cases for series in case.series)
    assert "| nothing to do, proven: whole command |" in ended.stdout
    assert not list(scratch.iterdir())


def test_a_wheelhouse_without_fitting_wheels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "alpha-1.0-cp27-none-win32.whl").write_bytes(b"")

    ended = run("--wheelhouse", str(tmp_path / "wheels"), "--scratch", str(tmp_path))

    assert ended.returncode != 0
    assert "no wheel in" in ended.stderr
