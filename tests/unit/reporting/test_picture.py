from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.findings import Chain, ChainStep, Finding, ScanReport
from lockhouse.manifest import BlacklistEntry, Exclusion
from lockhouse.plan import OmittedStage
from lockhouse.reporting.picture import picture

SVG = "{http://www.w3.org/2000/svg}"
LISTED = {"blacklist": (BlacklistEntry(requirement="bad"),)}


class Drawn:
    """A picture, read back."""

    def __init__(self, svg: str) -> None:
        self.root = ElementTree.fromstring(svg)
        self.size = len(svg)

    def having(self, tag: str, kind: str) -> list[ElementTree.Element]:
        return [item for item in self.root.iter(f"{SVG}{tag}") if kind in (item.get("class") or "").split()]

    @property
    def texts(self) -> list[str]:
        return [item.text or "" for item in self.root.iter(f"{SVG}text")]

    @property
    def boxes(self) -> list[ElementTree.Element]:
        return self.having("rect", "box")


def drawn(case: Case) -> Drawn:
    return Drawn(picture(case.judge(with_wheels=False), case.plan))


def case_of(tmp_path: Path, wheels: Sequence[WheelSpec], *listed: str, **manifest: Any) -> Case:
    return Case(tmp_path, wheels, {"base": listed or ["a"]}, manifest=manifest or LISTED)


def test_a_refused_path_is_drawn_from_the_manifest_to_the_culprit_and_marked(tmp_path: Path) -> None:
    wheels = [
        WheelSpec("a", requires=["b", "good"]),
        WheelSpec("b", requires=["bad>=0.5"]),
        WheelSpec("bad"),
        WheelSpec("good"),
    ]
    shown = drawn(case_of(tmp_path, wheels))
    assert len(shown.boxes) == 3
    assert len(shown.having("rect", "bad")) == 1
    assert len(shown.having("path", "bad")) == 2
    assert {"✗ bad", "a", "b", "bad>=0.5"} <= set(shown.texts)
    assert "demo: refused because of bad" in shown.texts
    titles = [item.text or "" for item in shown.root.iter(f"{SVG}title")]
    assert any("bad 1.0 is blacklisted" in text and "try: add " in text for text in titles)
    left = {text: float(item.get("x") or 0) for item in shown.having("text", "way-text") if (text := item.text)}
    assert left["a"] < left["b"]


def test_the_whole_plan_stands_below_by_stages(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["bad"]), WheelSpec("bad"), WheelSpec("other", "3.1")]
    case = Case(tmp_path, wheels, {"base": ["a"], "more": ["other"]}, manifest=LISTED, optional=frozenset({"more"}))
    case.plan = replace(case.plan, omitted=(OmittedStage(name="gui", reason="no wheel"),))
    shown = drawn(case)
    assert {"base · 2", "more (optional) · 1", "✗ bad 1.0", "other 3.1"} <= set(shown.texts)
    assert "left out: stage gui: no wheel" in shown.texts


def test_what_needs_no_explanation_is_drawn_as_it_is(tmp_path: Path) -> None:
    shown = drawn(case_of(tmp_path, [WheelSpec("a", requires=["b"]), WheelSpec("b")]))
    assert "demo: nothing refused" in shown.texts
    assert len(shown.boxes) == 2
    assert len(shown.having("path", "edge")) == 1
    assert not shown.having("path", "bad")


def test_a_cut_edge_is_broken(tmp_path: Path) -> None:
    cut = (Exclusion(distribution="a", dependency="b"),)
    shown = drawn(case_of(tmp_path, [WheelSpec("a", requires=["b>1"])], exclude=cut))
    assert len(shown.having("path", "cut")) == 1
    assert {"b>1 (cut)", "not in the plan"} <= set(shown.texts)


def test_circles_are_drawn(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["b"]), WheelSpec("b", requires=["c"]), WheelSpec("c", requires=["b", "a"])]
    shown = drawn(case_of(tmp_path, wheels))
    assert len(shown.boxes) == 3
    assert len(shown.having("path", "edge")) == 4


def test_ten_thousand_chains_and_two_thousand_distributions_make_a_picture_that_can_be_opened(tmp_path: Path) -> None:
    def name(layer: int, number: int) -> str:
        return f"n{layer}-{number}"

    below = [[name(layer + 1, i) for i in range(10)] if layer < 3 else ["bad"] for layer in range(4)]
    wheels = [WheelSpec(name(layer, i), requires=below[layer]) for layer in range(4) for i in range(10)]
    case = case_of(tmp_path, [*wheels, WheelSpec("bad")], *(name(0, i) for i in range(10)))
    (last,) = [item for item in case.plan.distributions if item.name == "bad"]
    more = tuple(replace(last, name=f"other-{i}", requirement=None) for i in range(2000))
    report = case.judge(with_wheels=False)
    assert report.refused[0].more_chains == 9990
    shown = Drawn(picture(report, replace(case.plan, distributions=(*case.plan.distributions, *more))))
    assert len(shown.boxes) <= 41
    assert any(re.fullmatch(r"… and \d+ more", text) for text in shown.texts)
    assert shown.size < 200_000


def test_of_very_many_culprits_the_first_are_drawn_and_all_are_marked(tmp_path: Path) -> None:
    names = [f"bad-{i:02}" for i in range(30)]
    wheels = [WheelSpec("a", requires=names), *(WheelSpec(name) for name in names)]
    shown = drawn(case_of(tmp_path, wheels, blacklist=tuple(BlacklistEntry(requirement=name) for name in names)))
    assert len(shown.having("rect", "bad")) == 20
    assert any("chains of 20 of 30 culprits" in text for text in shown.texts)
    assert {f"✗ {name} 1.0" for name in names} <= set(shown.texts)


@pytest.mark.parametrize(
    "name", ["größe ☃", "<script>", "a&b\x1b[31m\x00", "\u202e" + "x" * 500, "]]>", "\ud800\ufffe"]
)
def test_hostile_names_are_text_and_nothing_else(tmp_path: Path, name: str) -> None:
    case = case_of(tmp_path, [WheelSpec("a")])
    steps = (ChainStep(name="a", requirement=name), ChainStep(name=name, version=name, requirement=f"{name}>=1"))
    finding = Finding(
        rule="r",
        code="r.x",
        severity="refuse",
        distribution=name,
        chain=("a", name),
        message=f"{name} is bad",
        hint=name,
        chains=(Chain(stage=name, steps=steps),),
    )
    report = ScanReport(plan="", rules=(), wheels=0, findings=(finding,))
    shown = Drawn(picture(report, case.plan))
    assert {item.tag.removeprefix(SVG) for item in shown.root.iter()} <= {
        "svg",
        "style",
        "rect",
        "g",
        "title",
        "text",
        "path",
    }
    assert len(shown.having("rect", "bad")) == 1
