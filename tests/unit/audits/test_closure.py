from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.judged import Case
from fixtures.wheels import WheelSpec


def test_a_plan_that_meets_every_requirement_passes(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a", requires=["b>=1"]), WheelSpec("b", "1.5")], {"base": ["a==1.0"]})
    assert case.judge().findings == ()


def test_a_version_that_violates_a_requirement_is_refused_with_both(tmp_path: Path) -> None:
    case = Case(
        tmp_path,
        [WheelSpec("transformers", "4.51.3", ["huggingface-hub<1.0,>=0.30.0"]), WheelSpec("huggingface-hub", "0.25.2")],
        {"base": ["transformers==4.51.3", "huggingface-hub==0.25.2"]},
        manifest={"closure": "explicit"},
    )
    finding = case.only("closure.version")
    assert finding.severity == "refuse"
    assert finding.distribution == "huggingface-hub"
    assert finding.chain == ("transformers", "huggingface-hub")
    assert finding.message.startswith("transformers 4.51.3 requires huggingface-hub<1.0,>=0.30.0; the plan has 0.25.2")
    assert "change huggingface-hub==0.25.2 in stage base to huggingface-hub<1.0,>=0.30.0" in finding.hint


def test_the_cure_satisfies_everybody_who_asks(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["c>=2"]), WheelSpec("b", requires=["c<3"]), WheelSpec("c", "1.0")]
    case = Case(tmp_path, wheels, {"base": ["a", "b"]})
    assert "list c<3,>=2 in stage base" in case.only("closure.version").hint


def test_a_missing_dependency_is_refused(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a", requires=["b"]), WheelSpec("b", requires=["gone>=2"])], {"base": ["a"]})
    finding = case.only("closure.missing")
    assert finding.chain == ("a", "b", "gone")
    assert finding.message.startswith("b 1.0 requires gone>=2; it is not in the plan")


def test_in_explicit_mode_a_missing_dependency_is_to_be_listed(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a", requires=["b>1"])], {"base": ["a"]}, manifest={"closure": "explicit"})
    finding = case.only("closure.missing")
    assert "closure is explicit: list it in a stage" in finding.message
    assert finding.hint.startswith("list b>1 in stage base; or ")


@pytest.mark.parametrize(
    "line", ['gone; sys_platform == "win32"', 'gone; extra == "dev"', 'gone; python_version < "3"']
)
def test_a_requirement_that_does_not_apply_need_not_be_met(tmp_path: Path, line: str) -> None:
    assert Case(tmp_path, [WheelSpec("a", requires=[line], extras=["dev"])], {"base": ["a"]}).judge().ok


def test_a_planned_prerelease_meets_a_requirement(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a", requires=["b>=2.0rc1"]), WheelSpec("b", "2.0rc2")], {"base": ["a"]})
    assert case.judge().ok


def test_a_local_label_meets_a_requirement_without_one(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a", requires=["b==2.0"]), WheelSpec("b", "2.0+cpu")], {"base": ["a"]})
    assert case.judge().ok


def test_an_extra_that_somebody_asks_for_must_be_met_too(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["b[x]"]), WheelSpec("b", requires=['gone; extra == "x"'], extras=["x"])]
    finding = Case(tmp_path, wheels, {"base": ["a"]}).only("closure.missing")
    assert finding.chain == ("a", "b", "gone")


def test_the_chain_of_a_violation_leads_through_who_asked_for_the_extra(tmp_path: Path) -> None:
    wheels = [
        WheelSpec("plain", requires=["b"]),
        WheelSpec("z", requires=["b[x]"]),
        WheelSpec("b", requires=['gone; extra == "x"'], extras=["x"]),
    ]
    assert Case(tmp_path, wheels, {"base": ["plain", "z"]}).only("closure.missing").chain == ("z", "b", "gone")


def test_an_unknown_extra_is_a_warning_that_names_who_asks(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["b[x]"]), WheelSpec("b", "2.0", extras=["y"])]
    finding = Case(tmp_path, wheels, {"base": ["a"]}).only("closure.extra")
    assert finding.severity == "warn"
    assert finding.message.startswith("a 1.0 asks for the extra 'x', which b 2.0 does not provide")


def test_an_unknown_extra_of_the_manifest_is_a_warning(tmp_path: Path) -> None:
    finding = Case(tmp_path, [WheelSpec("b", "2.0")], {"base": ["b[nope]==2.0"]}).only("closure.extra")
    assert finding.message.startswith("stage base: b[nope]==2.0 asks for the extra 'nope'")


def test_extras_are_compared_in_canonical_form(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("b", extras=["Foo_Bar"])], {"base": ["b[foo-bar]"]})
    assert case.judge().findings == ()


def test_a_requirement_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    finding = Case(tmp_path, [WheelSpec("a", requires=["b>=1.0.*"])], {"base": ["a"]}).only("closure.unreadable")
    assert finding.severity == "warn"
    assert "'b>=1.0.*'" in finding.message


def test_a_requirement_for_a_certain_file_is_a_warning(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["b @ https://files.invalid/b-1.0-py3-none-any.whl"]), WheelSpec("b")]
    finding = Case(tmp_path, wheels, {"base": ["a"]}).only("closure.address")
    assert finding.severity == "warn"
    assert finding.chain == ("a", "b")


def test_the_plan_must_meet_the_manifest_itself(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a", "2.0")], {"base": ["a>=2"]})
    case.change("a", requirement="a>=3")
    assert case.only("closure.version").message.startswith("the manifest requires a>=3; the plan has 2.0")


def test_what_the_wheel_says_counts_more_than_what_the_plan_says(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a", requires=["gone"])], {"base": ["a"]})
    case.change("a", requires=())
    assert {finding.code for finding in case.judge().refused} == {"closure.missing", "metadata.requires"}
    assert case.judge(with_wheels=False).ok


def test_a_requirement_is_reported_once_however_often_it_is_written(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a", requires=["gone>1", "gone>1"])], {"base": ["a"]})
    assert len(case.findings("closure.missing")) == 1
