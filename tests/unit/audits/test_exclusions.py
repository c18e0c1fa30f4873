from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.audits.judging import refused_optional
from lockhouse.findings import Change
from lockhouse.manifest import BlacklistEntry, Exclusion, VariantWish
from lockhouse.plan import OmittedStage


def cut(distribution: str, dependency: str, reason: str | None = None) -> dict[str, Any]:
    return {"exclude": (Exclusion(distribution=distribution, dependency=dependency, reason=reason),)}


def test_a_cut_edge_is_noted_with_its_reason_and_every_chain_that_led_over_it(tmp_path: Path) -> None:
    wheels = [WheelSpec("r", requires=["a"]), WheelSpec("s", requires=["a"]), WheelSpec("a", requires=["b[x]>=3"])]
    case = Case(tmp_path, wheels, {"base": ["r"], "more": ["s"]}, manifest=cut("a", "b", "never imported"))
    report = case.judge()
    assert report.ok
    (note,) = report.findings
    assert (note.code, note.severity, note.distribution) == ("exclusions.cut", "note", "a")
    assert note.chain == ("r", "a", "b")
    assert [chain.names for chain in note.chains] == [("r", "a", "b"), ("s", "a", "b")]
    assert note.chains[0].steps[-1].requirement == "b[x]>=3"
    assert note.chains[0].steps[-1].extras == ("x",)
    assert note.message == (
        "a 1.0 asks for b[x]>=3, which the manifest excludes: never imported (stage base: r → a → b[x]>=3)"
    )


def test_of_many_lines_that_ask_for_the_same_those_that_count_here_are_told(tmp_path: Path) -> None:
    lines = ["b>=3", "b<9", *(f'b=={number}; extra == "old{number}"' for number in range(40))]
    (note,) = Case(tmp_path, [WheelSpec("a", requires=lines)], {"base": ["a"]}, manifest=cut("a", "b")).judge().findings
    assert note.message.startswith("a 1.0 asks for b>=3 and in 1 more line, which the manifest excludes")
    assert note.chains[0].steps[-1].requirement == "b>=3"


def test_exactly_the_named_edge_is_cut(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["bad", "c"]), WheelSpec("c", requires=["bad"]), WheelSpec("bad")]
    manifest = {**cut("a", "bad"), "blacklist": (BlacklistEntry(requirement="bad"),)}
    case = Case(tmp_path, wheels, {"base": ["a"]}, manifest=manifest)
    (refused,) = case.judge().refused
    assert [chain.names for chain in refused.chains] == [("a", "c", "bad")]


def test_an_edge_that_would_not_exist_here_is_cut_for_elsewhere(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=['b; sys_platform == "win32"'])]
    finding = Case(tmp_path, wheels, {"base": ["a"]}, manifest=cut("a", "b")).only("exclusions.cut")
    assert finding.message.startswith('a 1.0 elsewhere asks for b; sys_platform == "win32", which the manifest excl')


def test_an_exclusion_of_what_a_planned_distribution_does_not_ask_for_is_refused(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["torchao"]), WheelSpec("torchao")]
    finding = Case(tmp_path, wheels, {"base": ["a"]}, manifest=cut("A", "torch-ao")).only("exclusions.useless")
    assert finding.severity == "refuse"
    assert finding.message == "exclude names a → torch-ao, but a 1.0 does not ask for torch-ao; it asks for torchao"
    assert finding.hint == "did you mean torchao?; or remove the entry for A and torch-ao from exclude"
    change = Change(action="stop-excluding", distribution="A", dependency="torch-ao")
    assert [cure.changes for cure in finding.cures] == [(change,)]


def test_an_exclusion_for_a_name_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("unsloth")], {"base": ["unsloth"]}, manifest=cut("unslot", "torchao"))
    finding = case.only("exclusions.unknown")
    assert finding.severity == "refuse"
    assert finding.message == "exclude names unslot → torchao, but there is no unslot in the plan"
    assert "did you mean unsloth?" in finding.hint


@pytest.mark.parametrize(
    "fields",
    [
        {"plan_fields": {"omitted": (OmittedStage(name="more", reason="by hand"),)}},
        {"manifest": {**cut("far", "b"), "variants": (VariantWish(name="any"), VariantWish(name="other"))}},
        {"wheels": [WheelSpec("a", requires=['far; sys_platform == "win32"'])]},
        {"wheels": [WheelSpec("a")], "stages": {"base": ["a", 'far; sys_platform == "win32"']}},
    ],
)
def test_an_exclusion_that_another_stage_variant_or_platform_may_need_is_a_note(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    arguments = {"wheels": [WheelSpec("a")], "stages": {"base": ["a"]}, "manifest": cut("far", "b"), **fields}
    assert Case(tmp_path, **arguments).only("exclusions.elsewhere").severity == "note"


def test_a_mistake_in_exclude_is_not_hidden_by_leaving_out_an_optional_stage(tmp_path: Path) -> None:
    wheels = [WheelSpec("good"), WheelSpec("a")]
    stages = {"base": ["good"], "more": ["a"]}
    case = Case(tmp_path, wheels, stages, manifest=cut("a", "b"), optional=frozenset({"more"}))
    report = case.judge()
    assert [finding.code for finding in report.refused] == ["exclusions.useless"]
    assert refused_optional(report, case.subject()) == {}
