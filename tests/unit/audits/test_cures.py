"""Every cure is applied to the manifest, and what it is for is then gone."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from fixtures.judged import MARKERS, Case
from fixtures.wheels import WheelSpec
from lockhouse.audits.cures import another_version, moving, outside, together
from lockhouse.audits.judging import refused_optional
from lockhouse.findings import Change, Cure, Finding
from lockhouse.manifest import BlacklistEntry, Exclusion, VariantWish, Wish
from lockhouse.manifestfile.changing import cured
from lockhouse.resolution.graph import Graph, Node

LISTED = (BlacklistEntry(requirement="bad"),)


class Situation:
    """A manifest and the wheels that an index has of it; the plan is what the manifest brings of them."""

    def __init__(
        self, root: Path, wheels: Sequence[WheelSpec], stages: Mapping[str, Sequence[str]], **fields: Any
    ) -> None:
        self.root = root
        self.wheels = wheels
        self.fields = {"blacklist": LISTED, **fields}
        self.document: dict[str, Any] = {
            "stages": [{"name": name, "requirements": list(lines)} for name, lines in stages.items()]
        }

    def case(self, document: dict[str, Any] | None = None) -> Case:
        document = document or self.document
        stages = {stage["name"]: stage["requirements"] for stage in document["stages"]}
        cuts = [(entry["distribution"], entry["dependency"]) for entry in document.get("exclude", [])]
        roots: dict[str, str] = {
            canonicalize_name(Requirement(line).name): line for lines in stages.values() for line in lines
        }
        wheels = {canonicalize_name(wheel.name): wheel for wheel in self.fit(roots)}
        graph = Graph(
            [Node(name=name, requires=tuple(spec.requires), root=roots.get(name)) for name, spec in wheels.items()],
            MARKERS,
            cuts,
        )
        return Case(
            self.root,
            [wheel for name, wheel in wheels.items() if name in graph.reachable()],
            stages,
            manifest={
                **self.fields,
                "exclude": tuple(Exclusion(distribution=source, dependency=target) for source, target in cuts),
            },
            optional=frozenset(stage["name"] for stage in document["stages"] if stage.get("optional")),
        )

    def fit(self, roots: Mapping[str, str]) -> Sequence[WheelSpec]:
        """The wheels in the first version that fits the manifest."""
        found: dict[str, WheelSpec] = {}
        for wheel in self.wheels:
            root = roots.get(wheel.name)
            if root is None or Requirement(root).specifier.contains(wheel.version):
                found.setdefault(wheel.name, wheel)
        return list(found.values())

    def refused(self) -> Finding:
        (finding,) = self.case().judge(with_wheels=False).refused
        return finding

    def passes(self, cure: Cure) -> bool:
        """Whether the scan passes when the cure is applied, or leaves out what is optional."""
        case = self.case(cured(self.document, cure))
        report = case.judge(with_wheels=False)
        return report.ok or bool(refused_optional(report, case.subject(with_wheels=False)))


def actions(finding: Finding) -> list[list[str]]:
    return [[change.action for change in cure.changes] for cure in finding.cures]


CHAIN_OF_FOUR = (
    [
        WheelSpec("a", "2.0", ["b[gpu]>=1; sys_platform == 'linux'"]),
        WheelSpec("b", "1.5", ["c[fast]<3; extra == 'gpu'"], extras=["gpu"]),
        WheelSpec("c", "2.9", ["bad>=0.1; extra == 'fast' and python_version >= '3.8'"], extras=["fast"]),
        WheelSpec("bad"),
        WheelSpec("good"),
    ],
    {"base": ["good"], "train": ["a==2.0"]},
)
TWO_WAYS = (
    [
        WheelSpec("a", requires=["c"]),
        WheelSpec("b", requires=["c", "d"]),
        WheelSpec("c", requires=["bad"]),
        WheelSpec("d", requires=["bad"]),
        WheelSpec("bad"),
        WheelSpec("good"),
    ],
    {"base": ["good", "a"], "more": ["b"]},
)
LISTED_TOO = (
    [WheelSpec("a", requires=["bad"]), WheelSpec("bad"), WheelSpec("good")],
    {"base": ["good"], "more": ["a", "bad>=1"]},
)
CIRCLE = (
    [
        WheelSpec("a", requires=["b"]),
        WheelSpec("b", requires=["c"]),
        WheelSpec("c", requires=["a", "bad"]),
        WheelSpec("bad", requires=["b"]),
        WheelSpec("good"),
    ],
    {"base": ["good"], "more": ["a", "b"]},
)


@pytest.mark.parametrize("situation", [CHAIN_OF_FOUR, TWO_WAYS, LISTED_TOO, CIRCLE])
def test_every_cure_of_a_blacklisted_distribution_makes_the_scan_pass(tmp_path: Path, situation: Any) -> None:
    here = Situation(tmp_path, *situation)
    finding = here.refused()
    assert len(finding.cures) >= 3
    for cure in finding.cures:
        assert cure.sure
        assert here.passes(cure), cure


def test_two_chains_to_one_culprit_need_both_edges_to_be_cut(tmp_path: Path) -> None:
    finding = Situation(tmp_path, *TWO_WAYS).refused()
    assert [chain.names for chain in finding.chains] == [("a", "c", "bad"), ("b", "c", "bad"), ("b", "d", "bad")]
    assert finding.cures[0].changes == (
        Change(action="exclude", distribution="c", dependency="bad"),
        Change(action="exclude", distribution="d", dependency="bad"),
    )
    assert finding.cures[0].text.endswith("if c and d can do without it")
    assert finding.cures[1].text == "drop a from stage base and b from stage more"


def test_a_culprit_that_is_listed_too_is_cut_and_dropped(tmp_path: Path) -> None:
    assert actions(Situation(tmp_path, *LISTED_TOO).refused())[:2] == [["exclude", "drop"], ["drop", "drop"]]


@pytest.mark.parametrize("seed", range(12))
def test_every_sure_cure_takes_the_culprit_out_of_any_graph(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    names = [f"n{i}" for i in range(7)]

    def lines() -> list[str]:
        asked = chance.choice(["", "[x]"]) + chance.choice(["", '; extra == "x"'])
        return [other + asked for other in chance.sample(names, 2)] + chance.choice([[], [], ["bad"]])

    wheels = [WheelSpec(name, requires=lines()) for name in names]
    here = Situation(
        tmp_path,
        [*wheels, WheelSpec("bad"), WheelSpec("good")],
        {"base": ["good"], "one": [names[0]], "two": [f"{names[1]}[x]", names[2]]},
    )
    for finding in here.case().judge(with_wheels=False).refused:
        assert finding.cures
        for cure in finding.cures:
            assert here.passes(cure), cure


def test_a_window_is_left_on_the_sides_that_those_who_ask_leave_open(tmp_path: Path) -> None:
    window = (BlacklistEntry(requirement="bad>=1,<2"),)
    wheels = [
        WheelSpec("a", requires=["bad<5"]),
        WheelSpec("bad", "1.0"),
        WheelSpec("bad", "0.5"),
        WheelSpec("bad", "3"),
    ]
    here = Situation(tmp_path, wheels, {"base": ["a"]}, blacklist=window)
    lists = [cure for cure in here.refused().cures if cure.changes and cure.changes[0].action == "list"]
    assert [cure.text for cure in lists] == ["list bad>=2 in stage base", "list bad<1 in stage base"]
    for cure in lists:
        assert not cure.sure
        assert here.passes(cure)
    stuck = Situation(
        tmp_path, [WheelSpec("a", requires=["bad==1.*"]), WheelSpec("bad", "1.0")], {"base": ["a"]}, blacklist=window
    )
    assert "list" not in [action for actions_ in actions(stuck.refused()) for action in actions_]


def test_a_condition_is_undone_by_moving_the_company(tmp_path: Path) -> None:
    when = (BlacklistEntry(requirement="bad", when="torch==2.9.*"),)
    wheels = [WheelSpec("bad"), WheelSpec("torch", "2.9.1"), WheelSpec("torch", "2.10.0")]
    here = Situation(tmp_path, wheels, {"base": ["bad"], "torch": ["torch==2.9.1"]}, blacklist=when)
    cure = next(cure for cure in here.refused().cures if cure.changes[0].action == "replace")
    assert cure.text == "change torch==2.9.1 in stage torch to torch!=2.9.*"
    assert here.passes(cure)


def test_what_is_missing_is_listed(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["b>1"]), WheelSpec("b", "2.0")]
    here = Situation(tmp_path, wheels, {"base": ["a"]}, closure="explicit")
    here.wheels = wheels[:1]
    finding = here.refused()
    here.wheels = wheels
    assert finding.cures[0].text == "list b>1 in stage base"
    for cure in (finding.cures[0], finding.cures[1]):
        assert here.passes(cure)


def test_a_pin_that_somebody_cannot_live_with_is_moved(tmp_path: Path) -> None:
    wheels = [WheelSpec("models", requires=["hub>=0.30,<1.0"]), WheelSpec("hub", "0.25.2"), WheelSpec("hub", "0.30.2")]
    stages = {"base": ["hub==0.25.2", "good"], "more": ["models"]}
    here = Situation(tmp_path, [*wheels, WheelSpec("good")], stages)
    finding = here.refused()
    assert finding.code == "closure.version"
    assert finding.cures[0].text == "change hub==0.25.2 in stage base to hub<1.0,>=0.30"
    assert here.passes(finding.cures[0])
    assert actions(finding) == [["replace"], ["replace"], ["exclude"], ["drop"], ["make-optional"]]


def test_a_pin_is_moved_to_a_version_that_is_at_hand(tmp_path: Path) -> None:
    wheels = [WheelSpec("models", requires=["hub>=0.30,<1.0"]), WheelSpec("hub", "0.25.2")]
    for version, tag in (("0.30.2", "py3-none-any"), ("0.31", "cp27-cp27m-win32"), ("1.1", "py3-none-any")):
        WheelSpec("hub", version, tag=tag).build(tmp_path / "wheelhouse")
    here = Situation(tmp_path, wheels, {"base": ["hub==0.25.2"], "more": ["models"]})
    cure = here.refused().cures[0]
    assert cure.text == "change hub==0.25.2 in stage base to hub==0.30.2 (it is at hand)"
    assert cure.changes == (Change(action="replace", stage="base", requirement="hub==0.30.2", distribution="hub"),)


def test_a_version_is_moved_within_what_the_manifest_says_of_it(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("b", "1.5", extras=["x"])], {"base": ['B[x]>=1,<9; python_version > "3"']})
    (cure,) = moving(case.subject(with_wheels=False), "b", SpecifierSet(">=2"))
    assert cure.text.endswith('to B[x]<9,>=2; python_version > "3"')


def test_the_requirement_of_a_variant_is_changed_where_it_stands(tmp_path: Path) -> None:
    own = VariantWish(name="any", requirements={"b": Wish(requirement="b==1.0")})
    case = Case(tmp_path, [WheelSpec("b", "1.0")], {"base": ["b==1.0"]}, manifest={"variants": (own,)})
    (cure,) = another_version(case.subject(with_wheels=False), "b")
    assert cure.text == "change b==1.0 in variant any to b!=1.0"
    document = {
        "stages": [{"name": "base", "requirements": ["b"]}],
        "variants": {"any": {"requirements": {"B": {"requirement": "b==1.0", "index": "variant"}}}},
    }
    changed = cured(document, cure)["variants"]["any"]["requirements"]
    assert changed == {"B": {"requirement": "b!=1.0", "index": "variant"}}


@pytest.mark.parametrize(
    ("window", "opposites"),
    [
        ("<2", [">=2"]),
        ("<=2", [">2"]),
        (">2", ["<=2"]),
        (">=2", ["<2"]),
        ("==2.*", ["!=2.*"]),
        ("!=2", ["==2"]),
        ("~=2.1.3", [">=2.2", "<2.1.3"]),
        ("===2", ["!=2"]),
        ("<2,>=1", [">=2", "<1"]),
        ("", []),
    ],
)
def test_what_is_outside_of_a_window(tmp_path: Path, window: str, opposites: list[str]) -> None:
    subject = Case(tmp_path, [WheelSpec("a", requires=["b"]), WheelSpec("b")], {"base": ["a"]}).subject()
    found = [cure.changes[0].requirement for cure in outside(subject, "b", SpecifierSet(window))]
    assert found == [f"b{opposite}" for opposite in opposites]


def test_bounds_that_a_closer_one_makes_needless_are_left_out() -> None:
    asked = together(map(SpecifierSet, [">=1", ">=1.22,!=1.24", "<3", ">1.22,<2.5,<=2.5", "==1.*"]))
    assert str(asked) == "!=1.24,<2.5,==1.*,>1.22"


def test_what_comes_with_every_environment_cannot_be_dropped(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["setuptools"]), WheelSpec("setuptools", "80.0")]
    entry = (BlacklistEntry(requirement="setuptools<81"),)
    case = Case(tmp_path, wheels, {"base": ["a"]}, manifest={"blacklist": entry})
    case.change("setuptools", stage="create", requirement="setuptools")
    finding = case.only("blacklist.listed", with_wheels=False)
    assert [cure.text for cure in finding.cures] == ["list setuptools>=81 in stage base"]


def test_what_comes_with_every_environment_is_to_be_allowed_if_no_version_of_it_is(tmp_path: Path) -> None:
    manifest = {"blacklist": (BlacklistEntry(requirement="pip"),)}
    case = Case(tmp_path, [WheelSpec("a"), WheelSpec("pip")], {"base": ["a"]}, manifest=manifest)
    case.change("pip", stage="create", requirement="pip")
    finding = case.only("blacklist.listed", with_wheels=False)
    assert finding.chains[0].stage == "create"
    assert finding.hint == "take pip off the blacklist: it comes with every environment"


def test_many_names_are_counted_in_the_sentence_and_complete_in_the_value(tmp_path: Path) -> None:
    wheels = [*(WheelSpec(f"r{i}", requires=["bad"]) for i in range(7)), WheelSpec("bad")]
    stages = {"base": [f"r{i}" for i in range(7)], "good": ["good"]}
    finding = Situation(tmp_path, [*wheels, WheelSpec("good")], stages).refused()
    assert finding.cures[1].text == "drop r0 from stage base, r1 from stage base, r2 from stage base and 4 more"
    assert len(finding.cures[1].changes) == 7


def test_a_manifest_is_not_to_be_emptied(tmp_path: Path) -> None:
    finding = Situation(tmp_path, [WheelSpec("a", requires=["bad"]), WheelSpec("bad")], {"base": ["a"]}).refused()
    assert actions(finding) == [["exclude"], ["make-optional"]]
