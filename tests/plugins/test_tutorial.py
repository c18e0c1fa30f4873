"""What docs/plugins.md shows of the plugin for Ascend NPUs is what stands in the example."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lockhouse.testing.contract import examine

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "lockhouse-ascend"
DOCUMENT = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
TUTORIAL = DOCUMENT[DOCUMENT.index("## An accelerator, in an afternoon") :]


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)\n```", TUTORIAL, re.DOTALL)


def lines(text: str) -> list[str]:
    """The lines of a text, without empty ones: between two blocks there is prose."""
    return [line for line in text.splitlines() if line.strip()]


def test_the_blocks_are_the_whole_plugin() -> None:
    shown = "\n".join(blocks("python"))
    plugin = lines((EXAMPLE / "lockhouse_ascend.py").read_text(encoding="utf-8"))
    assert lines(shown)[: len(plugin)] == plugin


def test_the_project_the_machine_and_the_test_are_those_of_the_example() -> None:
    assert blocks("toml") == [(EXAMPLE / "pyproject.toml").read_text(encoding="utf-8").strip()]
    assert blocks("json") == [(EXAMPLE / "machines" / "without-cann.json").read_text(encoding="utf-8").strip()]
    assert blocks("python")[-2] == (EXAMPLE / "test_contract.py").read_text(encoding="utf-8").strip()


def test_a_reading_that_trips_is_told_as_shown(tmp_path: Path) -> None:
    (transcript,) = (block for block in blocks("console") if "broken:" in block)
    code = (EXAMPLE / "lockhouse_ascend.py").read_text(encoding="utf-8")
    careless = code.replace("        notes = overdue(answers)\n", "        notes = overdue(answers)\n" + TRIP)
    assert careless != code
    (tmp_path / "mine.py").write_text(careless, encoding="utf-8")
    told = list(examine(str(tmp_path / "mine.py"), variants=["cann8.5"]).lines())
    shown = [line for line in transcript.splitlines() if line][2:]
    assert [line for line in told if line in shown] == shown


TRIP = """
        if _text(answers.get("chips")).isspace():
            _text(answers.get("chips")).split()[0]
"""


@pytest.mark.skipif(os.name == "nt", reason="programs are scripts")
def test_the_fixtures_do_what_the_example_shows(tmp_path: Path) -> None:
    (tmp_path / "test_detect.py").write_text(blocks("python")[-1], encoding="utf-8")
    shutil.copytree(EXAMPLE / "machines", tmp_path / "machines")
    shutil.copy(EXAMPLE / "lockhouse_ascend.py", tmp_path)
    info = tmp_path / "lockhouse_ascend-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lockhouse-ascend\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[lockhouse.v1]\nascend = lockhouse_ascend\n")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "lockhouse.testing.pytest_plugin", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr
