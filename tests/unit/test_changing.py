from __future__ import annotations

import copy
import json
import tomllib
from typing import Any

import pytest
import tomli_w

from lockhouse.errors import UsageError
from lockhouse.findings import Change, Cure
from lockhouse.manifestfile import parse_manifest
from lockhouse.manifestfile.changing import changed, cured

DOCUMENT: dict[str, Any] = {
    "name": "demo",
    "python": {"version": "3.11"},
    "variants": {"cpu": {"requirements": {"Torch": "torch==2.5.1"}}},
    "stages": [
        {"name": "base", "requirements": ["NumPy<2", {"requirement": "torch==2.5", "critical": True}]},
        {"name": "more", "requirements": ["peft"]},
    ],
    "exclude": [{"distribution": "peft", "dependency": "torchao", "reason": "not imported"}],
    "checks": [{"name": "peft works", "run": "import peft", "stage": "more"}, {"name": "all", "run": "pass"}],
}


def after(*changes: Change) -> Any:
    """The document after changes; it must still be a manifest, and the given one as it was."""
    before = copy.deepcopy(DOCUMENT)
    result = changed(DOCUMENT, changes)
    assert before == DOCUMENT
    parse_manifest(result, "demo")
    return result


def test_a_cure_makes_its_changes_one_after_the_other() -> None:
    cure = Cure(
        text="",
        changes=(
            Change(action="make-optional", stage="more"),
            Change(action="list", stage="more", requirement="datasets"),
        ),
    )
    assert cured(DOCUMENT, cure)["stages"][1] == {
        "name": "more",
        "requirements": ["peft", "datasets"],
        "optional": True,
    }


def test_what_a_variant_takes_from_where_is_said_in_the_variant_whatever_stood_there() -> None:
    result = after(
        Change(action="route", variant="cpu", requirement="torch==2.6+cpu", index="variant"),
        Change(action="route", variant="cpu", requirement="numpy", index="default"),
    )
    assert result["variants"]["cpu"]["requirements"] == {
        "Torch": {"requirement": "torch==2.6+cpu", "index": "variant"},
        "numpy": {"requirement": "numpy", "index": "default"},
    }
    with pytest.raises(UsageError, match="no variant xpu"):
        after(Change(action="route", variant="xpu", requirement="numpy", index="default"))


def test_a_requirement_is_replaced_by_name_however_it_is_written() -> None:
    result = after(
        Change(action="replace", stage="base", requirement="numpy>=2"),
        Change(action="replace", stage="base", requirement="torch==2.6"),
    )
    assert result["stages"][0]["requirements"] == ["numpy>=2", {"requirement": "torch==2.6", "critical": True}]


def test_the_requirement_of_a_variant_is_replaced() -> None:
    result = after(Change(action="replace", variant="cpu", requirement="torch==2.6"))
    assert result["variants"]["cpu"]["requirements"] == {"Torch": "torch==2.6"}


def test_what_is_listed_stands_once_in_the_manifest() -> None:
    result = after(Change(action="list", stage="more", requirement="numpy>=2"))
    assert result["stages"][0]["requirements"] == [{"requirement": "torch==2.5", "critical": True}]
    assert result["stages"][1]["requirements"] == ["peft", "numpy>=2"]
    assert (
        after(Change(action="list", stage="base", requirement="numpy>=2"))["stages"][0]["requirements"][0] == "numpy>=2"
    )


def test_what_moves_to_another_stage_keeps_what_is_said_of_it() -> None:
    result = after(Change(action="list", stage="more", requirement="torch==2.6"))
    assert result["stages"][1]["requirements"] == ["peft", {"requirement": "torch==2.6", "critical": True}]
    document = copy.deepcopy(DOCUMENT)
    document["stages"][0]["index"] = "variant"
    moved = changed(document, [Change(action="list", stage="more", requirement="NumPy<2")])
    assert moved["stages"][1]["requirements"][1] == {"requirement": "NumPy<2", "index": "variant"}


def test_a_stage_that_has_nothing_left_goes_with_the_checks_that_look_at_it() -> None:
    result = after(Change(action="drop", stage="more", distribution="PEFT"))
    assert [stage["name"] for stage in result["stages"]] == ["base"]
    assert [check["name"] for check in result["checks"]] == ["all"]


def test_an_edge_is_excluded_once() -> None:
    change = Change(action="exclude", distribution="trl", dependency="torchao")
    assert after(change, change)["exclude"][1:] == [{"distribution": "trl", "dependency": "torchao"}]
    known = Change(action="exclude", distribution="PEFT", dependency="torchAO")
    assert after(known)["exclude"] == DOCUMENT["exclude"]


def test_an_edge_that_is_no_longer_excluded_is_gone() -> None:
    assert after(Change(action="stop-excluding", distribution="Peft", dependency="torchao"))["exclude"] == []


def test_toml_is_changed_like_json() -> None:
    document = tomllib.loads(tomli_w.dumps(DOCUMENT))
    change = Change(action="exclude", distribution="trl", dependency="torchao")
    assert json.dumps(changed(document, [change]), sort_keys=True) == json.dumps(after(change), sort_keys=True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (Change(action="drop", stage="nope", distribution="peft"), "no stage nope"),
        (Change(action="drop", stage="more", distribution="numpy"), "more does not list numpy"),
        (Change(action="replace", stage="more", requirement="numpy"), "more does not list numpy"),
        (Change(action="replace", variant="cu1", requirement="torch"), "variant cu1 has no requirement for torch"),
        (Change(action="stop-excluding", distribution="a", dependency="b"), "no entry for a and b"),
        (Change(action="make-optional"), "no stage None"),
        (Change(action="exclude", distribution="a"), "does not say what"),
    ],
)
def test_a_change_that_does_not_fit_is_an_error(change: Change, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        changed(DOCUMENT, [change])


def test_a_manifest_is_not_emptied() -> None:
    drops = [
        Change(action="drop", stage="more", distribution="peft"),
        Change(action="drop", stage="base", distribution="numpy"),
        Change(action="drop", stage="base", distribution="torch"),
    ]
    with pytest.raises(UsageError, match="nothing would be left"):
        changed(DOCUMENT, drops)
