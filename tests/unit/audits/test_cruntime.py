"""Versions of the system's C and C++ libraries that compiled files ask for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fixtures.elves import elf
from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.audits.cruntime import CRuntime
from lockhouse.extensions.system import newest_on_this_system
from lockhouse.findings import Finding


def case_of(tmp_path: Path, *wanted: str, tag: str = "cp311-cp311-manylinux_2_17_x86_64", **libraries: str) -> Case:
    """A wheel with a module for each version of glibc; the machine has 2.28. ``libraries`` need other versions."""
    files = {f"a/m{number}.abi3.so": elf(versions={"libc.so.6": [f"GLIBC_{one}"]}) for number, one in enumerate(wanted)}
    files |= {f"a/lib{name}.so": elf(versions={"libc.so.6": [f"GLIBC_{one}"]}) for name, one in libraries.items()}
    return Case(tmp_path, [WheelSpec("a", tag=tag, files=files)], {"base": ["a"]})


def test_nothing_that_could_be_imported_is_refused_with_both_versions(tmp_path: Path) -> None:
    finding = case_of(tmp_path, "2.34", "2.38", x="2.17").only("c-runtime.glibc")
    assert finding.severity == "refuse"
    assert finding.message.startswith(
        "a 1.0 needs glibc 2.38 for 2 of its 3 compiled files, a/m0.abi3.so among them; the system has 2.28"
    )
    assert finding.cures


def test_some_files_that_need_a_newer_one_are_a_warning(tmp_path: Path) -> None:
    assert case_of(tmp_path, "2.34", "2.17").only("c-runtime.glibc").severity == "warn"
    assert case_of(tmp_path / "libraries", "2.17", x="2.30").only("c-runtime.glibc").severity == "warn"


def test_a_wheel_of_mere_libraries_is_refused_if_all_need_a_newer_one(tmp_path: Path) -> None:
    assert case_of(tmp_path, x="2.30", y="2.34").only("c-runtime.glibc").severity == "refuse"


@pytest.mark.parametrize(
    ("tag", "note"),
    [
        ("manylinux_2_17_x86_64", True),
        ("manylinux2014_x86_64", True),
        ("manylinux1_x86_64", True),
        ("manylinux_2_24_x86_64.manylinux_2_28_x86_64", False),
        ("linux_x86_64", False),
    ],
)
def test_a_tag_that_promises_too_much_is_a_note(tmp_path: Path, tag: str, note: bool) -> None:
    found = case_of(tmp_path, "2.27", tag=f"cp311-cp311-{tag}").findings("c-runtime.")
    assert [(item.code, item.severity) for item in found] == ([("c-runtime.tag", "note")] if note else [])


def cxx(tmp_path: Path, has: str | None, wants: str) -> list[Finding]:
    files = {"a/m.abi3.so": elf(versions={"libstdc++.so.6": [f"GLIBCXX_{wants}"]})}
    case = Case(tmp_path, [WheelSpec("a", files=files)], {"base": ["a"]})
    return list(CRuntime(lambda _: has).examine(case.subject()))


@pytest.mark.skipif(sys.platform != "linux", reason="the plan's platform is Linux, and this machine is asked")
def test_a_newer_cxx_library_than_this_machine_has_is_a_warning(tmp_path: Path) -> None:
    (finding,) = cxx(tmp_path, "3.4.9", "3.4.30")
    assert (finding.code, finding.severity) == ("c-runtime.libstdc++", "warn")
    assert "asks for GLIBCXX_3.4.30, the system has up to GLIBCXX_3.4.9" in finding.message
    assert cxx(tmp_path / "same", "3.4.30", "3.4.30") == cxx(tmp_path / "unknown", None, "3.4.30") == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such versions")
def test_this_machine_tells_a_version_or_has_no_cxx_library() -> None:
    newest = newest_on_this_system("GLIBCXX")
    assert newest is None or newest.startswith("3.4")
    assert newest_on_this_system("NOSUCH") is None
