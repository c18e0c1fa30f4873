"""Keeping trees apart: a wish to the file system, which may refuse it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lockhouse.environments.scattering import scatter

lsattr = shutil.which("lsattr")


def attributes(folder: Path) -> str | None:
    """What the file system says of a folder; None where it has nothing to say."""
    if lsattr is None or sys.platform != "linux":
        return None
    told = subprocess.run([lsattr, "-d", str(folder)], capture_output=True, text=True, check=False)
    return told.stdout.split()[0] if told.returncode == 0 and told.stdout else None


def test_a_folder_whose_content_is_unrelated_is_marked_so(tmp_path: Path) -> None:
    system = subprocess.run(["stat", "-f", "-c", "%T", str(tmp_path)], capture_output=True, text=True, check=False)
    if "ext" not in system.stdout or attributes(tmp_path) is None:
        pytest.skip("needs ext4 and lsattr")

    scatter(tmp_path)

    assert "T" in (attributes(tmp_path) or "")


def test_twice_is_as_good_as_once_and_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    scatter(tmp_path)
    scatter(tmp_path)

    assert (tmp_path / "file").read_text() == "x"
    (tmp_path / "another").mkdir()


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_is_no_folder_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")

    scatter(tmp_path / name)

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
