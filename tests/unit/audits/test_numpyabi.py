"""Extensions that were compiled for another numpy than the planned one."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.elves import elf
from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.extensions import Extension, NumpyApi
from lockhouse.extensions.numpyabi import numpy_use

OLD, NEW = elf(content=b"numpy.core._multiarray_umath"), elf(content=b"numpy._core._multiarray_umath")


def frames(tmp_path: Path, numpy: str, *files: bytes) -> Case:
    built = {f"frames/m{number}.cpython-311-x86_64-linux-gnu.so": data for number, data in enumerate(files)}
    tag = "cp311-cp311-manylinux_2_17_x86_64"
    wheels = [WheelSpec("frames", "1.5", ["numpy>=1.21"], tag=tag, files=built), WheelSpec("numpy", numpy)]
    return Case(tmp_path, wheels, {"base": ["frames"]})


def test_what_was_built_for_numpy_1_is_refused_beside_numpy_2_with_counts(tmp_path: Path) -> None:
    finding = frames(tmp_path, "2.1", OLD, NEW, elf(), OLD, OLD, OLD).only("numpy-abi.old")
    assert finding.severity == "refuse"
    assert finding.message.startswith(
        "frames 1.5: 4 of 6 compiled extensions were built for numpy 1 only, the plan has numpy 2.1, "
        "beside which they cannot be imported: frames/m0.cpython-311-x86_64-linux-gnu.so, "
    )
    assert " and 1 more" in finding.message
    first, second, _ = finding.cures
    assert first.text == "change frames in stage base to frames!=1.5"
    assert second.text == "list numpy<2 in stage base"


@pytest.mark.parametrize("numpy", ["1.26.4", "1.21"])
def test_what_was_built_for_numpy_1_belongs_beside_numpy_1(tmp_path: Path, numpy: str) -> None:
    assert frames(tmp_path, numpy, OLD, NEW).judge().ok


def test_what_was_built_for_numpy_2_or_without_numpy_passes(tmp_path: Path) -> None:
    assert frames(tmp_path, "2.1", NEW, elf()).judge().ok


def of(*verdicts: NumpyApi) -> list[Extension]:
    return [Extension(path="a.so", size=1, kind="elf", numpy=verdict) for verdict in verdicts]


@pytest.mark.parametrize(
    ("extensions", "says"),
    [
        ([], "no compiled extension"),
        ([Extension(path="a.so", size=1, kind="other")], "no compiled extension"),
        (of("none", "none"), "no numpy C API"),
        (of("1", "none", "2"), "1 of 3 compiled extensions were built for numpy 1 only"),
        (of("2", "none"), "1 of 2 compiled extensions use numpy's C API, built for numpy 1 and 2"),
    ],
)
def test_a_verdict_says_why(extensions: list[Extension], says: str) -> None:
    assert str(numpy_use(extensions)) == says


@pytest.mark.parametrize(
    ("version", "fails"), [("1.26.4", False), ("2.0.0rc1", True), ("2rc1", True), ("10.1", True), ("1!1.0", False)]
)
def test_which_numpy_it_fails_under(version: str, fails: bool) -> None:
    assert numpy_use(of("1")).fails_under(version) is fails
    assert not numpy_use(of("2")).fails_under(version)
