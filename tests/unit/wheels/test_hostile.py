"""Every hostile wheel is refused by the scan, with its own code and no other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.hostile import HOSTILE, Hostile
from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.errors import UnsafeWheel
from lockhouse.wheels.gathering import gather_facts
from lockhouse.wheels.issues import Issue


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda item: item.name)
def test_a_hostile_wheel_is_refused_with_its_own_code(hostile: Hostile, tmp_path: Path) -> None:
    path = hostile.build(tmp_path)
    with pytest.raises(UnsafeWheel) as caught:
        gather_facts(path, windows=hostile.windows)
    assert caught.value.issue == hostile.issue
    assert caught.value.detail
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "hostile",
    [item for item in HOSTILE if item.windows is (os.name == "nt") and item.issue is not Issue.FILE_NAME],
    ids=lambda item: item.name,
)
def test_the_scan_says_so(hostile: Hostile, tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a")], {"base": ["a"]})
    path = hostile.build(case.built["a"].parent)
    case.change("a", sha256=case.wheelhouse.sha256(path))
    assert {finding.code for finding in case.judge().refused} == {f"integrity.{hostile.issue}"}


def test_there_is_a_wheel_for_every_code() -> None:
    assert {item.issue for item in HOSTILE} == set(Issue)
    assert len(HOSTILE) >= 40
