from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.manifest import BlacklistEntry, Exclusion

CHAIN = [
    WheelSpec("trainer", "2.0", ["trainer-core>=1"]),
    WheelSpec("trainer-core", "1.5", ["quant>=0.10"]),
    WheelSpec("quant", "0.15.0"),
]


def entry(requirement: str, when: str | None = None, reason: str | None = None) -> BlacklistEntry:
    return BlacklistEntry(requirement=requirement, when=when, reason=reason)


def case_of(tmp_path: Path, *entries: BlacklistEntry, stages: dict[str, list[str]] | None = None) -> Case:
    stages = stages or {"train": ["trainer==2.0"]}
    return Case(tmp_path, CHAIN, stages, manifest={"blacklist": entries})


def test_a_blacklisted_dependency_is_refused_with_its_chain_its_culprit_and_its_reason(tmp_path: Path) -> None:
    finding = case_of(tmp_path, entry("Quant", reason="crashes")).only("blacklist.listed")
    assert finding.severity == "refuse"
    assert finding.distribution == "quant"
    assert finding.chain == ("trainer", "trainer-core", "quant")
    assert finding.message == (
        "quant 0.15.0 is blacklisted: crashes; trainer-core 1.5 asks for it"
        " (stage train: trainer==2.0 → trainer-core>=1 → quant>=0.10)"
    )


def test_the_hint_offers_the_edge_the_requirement_and_the_stage(tmp_path: Path) -> None:
    stages = {"base": ["other"], "train": ["trainer==2.0"]}
    case = Case(tmp_path, [*CHAIN, WheelSpec("other")], stages, manifest={"blacklist": (entry("quant"),)})
    hint = case.only("blacklist.listed").hint
    assert 'add {"distribution": "trainer-core", "dependency": "quant"} to exclude' in hint
    assert hint.endswith("; or drop trainer==2.0 from stage train; or make stage train optional")


def test_the_hinted_exclusion_makes_the_plan_pass(tmp_path: Path) -> None:
    cut = Exclusion(distribution="trainer-core", dependency="quant")
    manifest = {"blacklist": (entry("quant"),), "exclude": (cut,)}
    case = Case(tmp_path, CHAIN[:2], {"train": ["trainer==2.0"]}, manifest=manifest)
    assert case.judge().ok


def test_the_wheel_need_not_be_there(tmp_path: Path) -> None:
    case = case_of(tmp_path, entry("quant"))
    case.built["quant"].unlink()
    report = case.judge()
    assert [finding.code for finding in report.refused] == ["blacklist.listed"]
    assert [finding.code for finding in case.judge(with_wheels=False).refused] == ["blacklist.listed"]


@pytest.mark.parametrize(
    ("requirement", "refused"),
    [("quant<0.16", True), ("quant<0.15", False), ("quant==0.15.*", True), ("quant!=0.15.0", False), ("other", False)],
)
def test_only_versions_in_the_window_are_refused(tmp_path: Path, requirement: str, refused: bool) -> None:
    case = case_of(tmp_path, entry(requirement))
    assert case.judge(with_wheels=False).ok is not refused


def test_a_window_is_named_and_a_version_outside_of_it_is_offered(tmp_path: Path) -> None:
    finding = case_of(tmp_path, entry("quant<0.16")).only("blacklist.listed")
    assert "is blacklisted (quant<0.16);" in finding.message
    assert "list quant>=0.16 in stage train" in finding.hint


@pytest.mark.parametrize(("when", "refused"), [("trainer==2.*", True), ("trainer<2", False), ("absent", False)])
def test_a_condition_is_a_requirement_that_the_plan_meets(tmp_path: Path, when: str, refused: bool) -> None:
    case = case_of(tmp_path, entry("quant", when))
    assert case.judge(with_wheels=False).ok is not refused


def test_a_condition_is_named_and_moving_it_is_offered(tmp_path: Path) -> None:
    finding = case_of(tmp_path, entry("quant", "trainer==2.*")).only("blacklist.listed")
    assert "(when trainer==2.*)" in finding.message
    assert "change trainer==2.0 in stage train to trainer!=2.*" in finding.hint


@pytest.mark.parametrize("version", ["2.9.1+cu130", "2.9.0rc1"])
def test_local_labels_and_prereleases_are_versions_like_others(tmp_path: Path, version: str) -> None:
    case = Case(
        tmp_path,
        [WheelSpec("torch", version), WheelSpec("quant", "0.15.0+cu130")],
        {"base": ["torch", "quant"]},
        manifest={"blacklist": (entry("quant<=0.15.0", "torch==2.9.*,>=2.9.0rc0"),)},
    )
    assert not case.judge(with_wheels=False).ok


def test_an_entry_with_a_marker_counts_where_it_holds(tmp_path: Path) -> None:
    assert case_of(tmp_path, entry('quant; sys_platform == "win32"')).judge(with_wheels=False).ok
    assert not case_of(tmp_path, entry('quant; sys_platform == "linux"')).judge(with_wheels=False).ok


def test_every_way_to_the_culprit_is_reported(tmp_path: Path) -> None:
    wheels = [*CHAIN, WheelSpec("tools", "3.0", ["quant"])]
    case = Case(
        tmp_path,
        wheels,
        {"train": ["trainer==2.0"], "extra": ["tools", "quant"]},
        manifest={"blacklist": (entry("quant"),)},
    )
    chains = [chain.names for chain in case.only("blacklist.listed", with_wheels=False).chains]
    assert chains == [("quant",), ("tools", "quant"), ("trainer", "trainer-core", "quant")]


def test_what_the_manifest_itself_lists_is_to_be_dropped(tmp_path: Path) -> None:
    case = case_of(tmp_path, entry("quant"), stages={"train": ["trainer==2.0"], "extra": ["quant>=0.15"]})
    own = case.only("blacklist.listed", with_wheels=False)
    assert own.message == "quant 0.15.0 is blacklisted (stage extra: quant>=0.15)"
    assert own.hint == (
        'add {"distribution": "trainer-core", "dependency": "quant"} to exclude and drop quant>=0.15 from stage extra,'
        " if trainer-core can do without it"
        "; or make stages train and extra optional"
    )


def test_a_stage_that_was_asked_for_by_hand_can_be_left_out_by_hand(tmp_path: Path) -> None:
    case = Case(
        tmp_path,
        CHAIN,
        {"train": ["trainer==2.0"]},
        manifest={"blacklist": (entry("quant"),)},
        optional=frozenset({"train"}),
    )
    assert "run with --without train" in case.only("blacklist.listed", with_wheels=False).hint
