"""The rules that are small enough to share a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.judged import Case, linux_host
from fixtures.wheels import WheelSpec


def one(tmp_path: Path, spec: WheelSpec) -> Case:
    return Case(tmp_path, [spec], {"base": [spec.name]})


# requires-python


def test_a_wheel_for_another_python_is_refused_by_the_full_version(tmp_path: Path) -> None:
    finding = one(tmp_path, WheelSpec("a", requires_python=">=3.11.8")).only("requires-python.refused")
    assert finding.severity == "refuse"
    assert finding.message.startswith("a 1.0 requires Python >=3.11.8; the target has 3.11.7")


@pytest.mark.parametrize("wanted", [">=3.8,<4.0", "!=3.11.6", ">=3.11.7", "==3.11.*"])
def test_a_wheel_for_this_python_passes(tmp_path: Path, wanted: str) -> None:
    assert one(tmp_path, WheelSpec("a", requires_python=wanted)).judge().findings == ()


def test_a_prerelease_of_python_and_a_build_between_releases_are_versions(tmp_path: Path) -> None:
    case = one(tmp_path, WheelSpec("a", requires_python=">=3.10"))
    case.host = linux_host("3.11.0rc1")
    assert case.judge(with_wheels=False).ok
    case.host = linux_host("3.11.9+")
    assert case.judge(with_wheels=False).ok


def test_an_unreadable_requires_python_is_a_warning(tmp_path: Path) -> None:
    assert one(tmp_path, WheelSpec("a", requires_python=">=3.x")).only("requires-python.unreadable").severity == "warn"


# tags


@pytest.mark.parametrize(
    ("tag", "part"),
    [
        ("cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312"),
        ("cp311-cp311-win_amd64", "win_amd64"),
        ("cp311-cp311-manylinux_2_34_x86_64", "manylinux_2_34_x86_64"),
        ("py2-none-any", "py2-none"),
    ],
)
def test_a_wheel_for_another_target_is_refused_with_what_does_not_fit(tmp_path: Path, tag: str, part: str) -> None:
    finding = one(tmp_path, WheelSpec("a", tag=tag)).only("tags.unfit", with_wheels=False)
    assert finding.message.startswith(f"a 1.0 is a wheel for {part}; the target is cp311 on linux_x86_64")


@pytest.mark.parametrize(
    "tag",
    ["cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp38-abi3-manylinux_2_28_x86_64", "py2.py3-none-any"],
)
def test_a_wheel_fits_if_one_of_its_tags_does(tmp_path: Path, tag: str) -> None:
    assert one(tmp_path, WheelSpec("a", tag=tag)).judge(with_wheels=False).ok


# integrity


def test_a_missing_wheel_is_refused(tmp_path: Path) -> None:
    case = one(tmp_path, WheelSpec("a"))
    case.built["a"].unlink()
    finding = case.only("integrity.missing")
    assert finding.severity == "refuse"
    assert "a-1.0-py3-none-any.whl is not in the wheelhouse" in finding.message


def test_changed_bytes_are_refused_with_both_hashes(tmp_path: Path) -> None:
    case = one(tmp_path, WheelSpec("a"))
    case.built["a"].write_bytes(b"something else")
    finding = case.only("integrity.changed")
    assert case.plan.distributions[0].sha256 in finding.message
    assert case.wheelhouse.sha256(case.built["a"]) in finding.message


def test_an_unsafe_wheel_is_refused_with_its_own_code(tmp_path: Path) -> None:
    case = one(tmp_path, WheelSpec("a", files={"a.py": "", "../outside.py": "x"}))
    found = case.findings("integrity.")
    assert [finding.severity for finding in found] == ["refuse"]
    assert found[0].code not in ("integrity.missing", "integrity.changed", "integrity.unreadable")
    assert "outside.py" in found[0].message


def test_a_file_name_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    case = one(tmp_path, WheelSpec("a"))
    case.change("a", filename="../a-1.0-py3-none-any.whl")
    assert "integrity.filename" in {finding.code for finding in case.judge().refused}


def test_a_blacklisted_wheel_that_is_here_is_looked_at_all_the_same(tmp_path: Path) -> None:
    from lockhouse.manifest import BlacklistEntry

    listed = BlacklistEntry(requirement="a")
    case = Case(tmp_path, [WheelSpec("a")], {"base": ["a"]}, manifest={"blacklist": (listed,)})
    case.built["a"].write_bytes(b"something else")
    assert {finding.code for finding in case.judge().refused} == {"blacklist.listed", "integrity.changed"}


# metadata


def test_metadata_that_differs_from_the_plan_is_refused_with_the_differences(tmp_path: Path) -> None:
    case = one(tmp_path, WheelSpec("a", requires=['b; extra == "x"'], requires_python=">=3.9"))
    case.change("a", requires=('c; extra == "x"',), requires_python=">=3.8")
    assert {finding.code for finding in case.judge().refused} == {"metadata.requires", "metadata.requires-python"}
    message = case.only("metadata.requires").message
    assert 'the wheel has b; extra == "x", does not have c; extra == "x"' in message


def test_another_spelling_of_the_same_metadata_is_no_difference(tmp_path: Path) -> None:
    case = one(tmp_path, WheelSpec("a", requires=['b (>=1) ; extra=="x"'], requires_python=">=3.9, <4"))
    case.change("a", requires=('b>=1; extra == "x"',), requires_python=">=3.9,<4")
    assert case.judge().ok


# consistency


def test_a_distribution_that_is_planned_twice_is_refused(tmp_path: Path) -> None:
    case = one(tmp_path, WheelSpec("a"))
    again = replace(case.plan.distributions[0], version="2.0", filename="a-2.0-py3-none-any.whl")
    case.plan = replace(case.plan, distributions=(*case.plan.distributions, again))
    assert case.only("consistency.twice", with_wheels=False).message.startswith("a is planned 2 times: 1.0, 2.0")


@pytest.mark.parametrize("filename", ["b-1.0-py3-none-any.whl", "a-1.1-py3-none-any.whl", "a-1.0.tar.gz", "a.whl"])
def test_a_file_name_that_is_not_that_of_the_distribution_is_refused(tmp_path: Path, filename: str) -> None:
    case = one(tmp_path, WheelSpec("a"))
    case.change("a", filename=filename)
    assert case.only("consistency.filename", with_wheels=False).severity == "refuse"


def test_a_stage_that_the_plan_does_not_have_is_refused(tmp_path: Path) -> None:
    case = one(tmp_path, WheelSpec("a"))
    case.change("a", stage="elsewhere")
    assert "elsewhere" in case.only("consistency.stage", with_wheels=False).message


# stage order


def test_a_dependency_in_a_later_stage_is_a_warning_that_names_both(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a", requires=["b"]), WheelSpec("b")], {"first": ["a"], "second": ["b"]})
    finding = case.only("stage-order.late")
    assert finding.severity == "warn"
    assert finding.chain == ("a", "b")
    assert finding.message.startswith(
        "a 1.0 is installed in stage first, but needs b 1.0, which comes only in stage second"
    )
    assert finding.hint == "move b from stage second to first or an earlier one"


def test_a_dependency_in_an_earlier_stage_is_right(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a", requires=["b"]), WheelSpec("b")], {"first": ["b"], "second": ["a"]})
    assert case.judge().findings == ()
