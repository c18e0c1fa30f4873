"""Wheels that bring the same files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.judged import Case
from fixtures.values import TARGET
from fixtures.wheels import WheelSpec

PURE = "py3-none-any"


def case_of(tmp_path: Path, *specs: WheelSpec, platform: str = "linux_x86_64") -> Case:
    target = replace(TARGET, platform=platform)
    stages = {"base": [specs[0].name], "more": [spec.name for spec in specs[1:]]}
    return Case(tmp_path, specs, stages, plan_fields={"target": target})


def test_files_with_other_content_are_refused_with_counts_and_with_who_would_win(tmp_path: Path) -> None:
    files = {f"cv2/m{number}.py": "same" for number in range(5)}
    case = case_of(
        tmp_path,
        WheelSpec(
            "opencv-python", "4.1", files={**files, "cv2/__init__.py": "1", "cv2/gui.py": "1", "cv2/only.py": ""}
        ),
        WheelSpec("opencv-headless", "4.0", files={**files, "cv2/__init__.py": "2", "cv2/gui.py": "2"}),
    )
    finding = case.only("collisions.files")
    assert (finding.severity, finding.distribution) == ("refuse", "opencv-headless")
    assert finding.message.startswith(
        "opencv-headless 4.0 brings 7 files that opencv-python 4.1 brings as well, 2 of them with other content: "
        "cv2/__init__.py, cv2/gui.py; installed later, it would overwrite them"
    )
    assert "drop opencv-headless from stage more" in finding.hint
    assert "drop opencv-python from stage base" in finding.hint


def test_the_same_content_is_a_note_for_the_whole_plan(tmp_path: Path) -> None:
    shared = {"nvidia/__init__.py": "", "nvidia/LICENSE": "x"}
    specs = [WheelSpec(name, files={**shared, f"nvidia/{name}/__init__.py": ""}) for name in ("a", "b", "c")]
    report = case_of(tmp_path, *specs).judge()
    assert report.ok
    (note,) = report.findings
    assert (note.code, note.severity, note.distribution) == ("collisions.same", "note", "")
    assert note.message.startswith("2 files come from several distributions with the same content: ")
    assert "nvidia/__init__.py (3 distributions)" in note.message


def test_folders_of_their_own_collide_with_nothing(tmp_path: Path) -> None:
    space = [WheelSpec(name, files={f"google/{name}/__init__.py": name}) for name in ("a", "b")]
    assert case_of(tmp_path, *space).judge().findings == ()


@pytest.mark.parametrize("scheme", ["purelib", "platlib"])
def test_files_come_to_lie_together_by_whatever_scheme(tmp_path: Path, scheme: str) -> None:
    other = WheelSpec("b", data={f"{scheme}/a.py": "2", "data/lib/python3.11/site-packages/c.py": "2"})
    case = case_of(tmp_path, WheelSpec("a", files={"a.py": "1", "c.py": "1"}), other)
    assert "2 files that a 1.0 brings as well, 2 of them" in case.only("collisions.files").message


def test_files_outside_of_packages_collide_too(tmp_path: Path) -> None:
    specs = [WheelSpec(name, data={"data/share/doc/readme": name, "scripts/tool": name}) for name in ("a", "b")]
    assert "share/doc/readme" in case_of(tmp_path, *specs).only("collisions.files").message


def test_a_command_that_runs_something_else_is_refused(tmp_path: Path) -> None:
    specs = [WheelSpec(name, console_scripts={"run": f"{name}:main"}) for name in ("a", "b")]
    finding = case_of(tmp_path, *specs).only("collisions.commands")
    assert "b 1.0 brings 1 command that a 1.0 brings as well, with other content: bin/run" in finding.message


def test_a_command_that_runs_the_same_is_no_collision(tmp_path: Path) -> None:
    specs = [WheelSpec(name, console_scripts={"run": "shared:main"}) for name in ("a", "b")]
    assert case_of(tmp_path, *specs).judge().ok


def test_a_command_and_a_script_of_another_wheel_collide(tmp_path: Path) -> None:
    case = case_of(
        tmp_path, WheelSpec("a", console_scripts={"run": "a:main"}), WheelSpec("b", data={"scripts/run": "x"})
    )
    assert case.only("collisions.files").distribution == "b"


def test_a_command_and_a_script_of_the_same_wheel_collide(tmp_path: Path) -> None:
    spec = WheelSpec("a", console_scripts={"run": "a:main"}, data={"scripts/run": "x"})
    assert "bin/run twice" in case_of(tmp_path, spec).only("collisions.itself").message


def test_a_file_where_another_wheel_has_a_folder_is_refused(tmp_path: Path) -> None:
    case = case_of(tmp_path, WheelSpec("a", files={"thing": "x"}), WheelSpec("b", files={"thing/inner/deep.py": ""}))
    finding = case.only("collisions.folder")
    assert finding.message.startswith("a 1.0 brings the file thing where b 1.0 has a folder: ")


@pytest.mark.parametrize(
    ("platform", "refused"), [("linux_x86_64", False), ("macosx_14_0_arm64", True), ("win_amd64", True)]
)
def test_names_that_differ_in_case_collide_where_case_does_not_count(
    tmp_path: Path, platform: str, refused: bool
) -> None:
    case = case_of(
        tmp_path, WheelSpec("a", files={"Tool/x.py": "1"}), WheelSpec("b", files={"tool/X.py": "2"}), platform=platform
    )
    assert bool(case.findings("collisions.files")) is refused


@pytest.mark.parametrize(
    "spec",
    [
        WheelSpec("a", data={"scripts/python": "x"}),
        WheelSpec("a", data={"data/bin/python3.11": "x"}),
        WheelSpec("a", data={"data/pyvenv.cfg": "x"}),
        WheelSpec("a", data={"data/pip.conf": "x"}),
        WheelSpec("a", data={"data/lib": "x"}),
        WheelSpec("a", data={"data/.lockhouse/seal": "x"}),
        WheelSpec("a", console_scripts={"activate": "a:main"}),
    ],
)
def test_what_belongs_to_the_environment_is_nobodys(tmp_path: Path, spec: WheelSpec) -> None:
    assert case_of(tmp_path, spec).only("collisions.environment").severity == "refuse"


def test_three_wheels_are_told_in_the_order_in_which_they_overwrite(tmp_path: Path) -> None:
    specs = [WheelSpec(name, files={"x.py": content}) for name, content in (("a", "1"), ("b", "1"), ("c", "2"))]
    finding = case_of(tmp_path, *specs).only("collisions.files")
    assert finding.message.startswith("c 1.0 brings 1 file that b 1.0 brings as well, with other content: x.py")
