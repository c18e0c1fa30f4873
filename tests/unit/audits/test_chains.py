from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.findings import Chain, ChainStep, Cure, Finding
from lockhouse.manifest import BlacklistEntry

LISTED = {"blacklist": (BlacklistEntry(requirement="bad"),)}


class Says:
    """A stranger's rule that has one thing to say, and little of it."""

    name = "says"
    needs_wheels = False
    version = "1"

    def __init__(self, distribution: str, chain: tuple[str, ...] = ()) -> None:
        self.finding = Finding(
            rule="says",
            code="says.so",
            severity="refuse",
            distribution=distribution,
            chain=chain,
            message="",
            hint="",
        )

    def examine(self, subject: object) -> tuple[Finding, ...]:
        return (self.finding,)


def case_of(tmp_path: Path, rule: Says, *wheels: WheelSpec, listed: str = "a") -> Case:
    return Case(tmp_path, wheels, {"base": [listed]}, rules=[rule])


def test_a_chain_tells_how_each_step_is_asked_for(tmp_path: Path) -> None:
    wheels = [
        WheelSpec("a", "2.0", ["b[gpu]>=1; sys_platform == 'linux'"]),
        WheelSpec("b", "1.5", ["b[deep]; extra == 'gpu'", "c[Fast_Math]<3; extra == 'deep'"], extras=["gpu", "deep"]),
        WheelSpec("c", "2.9", ["bad>=0.1; extra == 'fast-math' and python_version >= '3.8'"], extras=["fast-math"]),
        WheelSpec("bad", "0.2"),
    ]
    stages = {"train": ["a[all]==2.0; python_version > '3'"]}
    finding = Case(tmp_path, wheels, stages, manifest=LISTED).only("blacklist.listed", with_wheels=False)
    assert finding.chain == ("a", "b", "c", "bad")
    assert finding.more_chains == 0
    assert finding.chains == (
        Chain(
            stage="train",
            steps=(
                ChainStep(
                    name="a",
                    version="2.0",
                    requirement="a[all]==2.0; python_version > '3'",
                    extras=("all",),
                    marker='python_version > "3"',
                ),
                ChainStep(
                    name="b",
                    version="1.5",
                    requirement='b[gpu]>=1; sys_platform == "linux"',
                    extras=("gpu",),
                    marker='sys_platform == "linux"',
                ),
                ChainStep(
                    name="c",
                    version="2.9",
                    requirement='c[Fast_Math]<3; extra == "deep"',
                    extras=("fast-math",),
                    marker='extra == "deep"',
                    under=("deep",),
                ),
                ChainStep(
                    name="bad",
                    version="0.2",
                    requirement='bad>=0.1; extra == "fast-math" and python_version >= "3.8"',
                    marker='extra == "fast-math" and python_version >= "3.8"',
                    under=("fast-math",),
                ),
            ),
        ),
    )


def test_a_finding_of_a_plugin_gets_the_chains_that_it_does_not_give(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["b", "c"]), WheelSpec("b", requires=["c"]), WheelSpec("c")]
    for chain in ((), ("c",)):
        finding = case_of(tmp_path, Says("c", chain), *wheels).only("says.so", with_wheels=False)
        assert finding.chain == ("a", "c")
        assert [item.names for item in finding.chains] == [("a", "c"), ("a", "b", "c")]


def test_a_chain_that_a_plugin_gives_comes_first_even_if_it_is_not_the_shortest(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["b", "c"]), WheelSpec("b", requires=["c"]), WheelSpec("c")]
    finding = case_of(tmp_path, Says("c", ("a", "z", "c")), *wheels).only("says.so", with_wheels=False)
    assert finding.chain == ("a", "z", "c")
    assert [item.names for item in finding.chains] == [("a", "z", "c"), ("a", "c"), ("a", "b", "c")]
    assert [step.requirement for step in finding.chains[0].steps] == ["a", "", ""]


def test_a_finding_about_what_is_not_in_the_plan_keeps_its_name(tmp_path: Path) -> None:
    finding = case_of(tmp_path, Says("Größe \N{SNOWMAN}"), WheelSpec("a")).only("says.so", with_wheels=False)
    assert finding.chain == ("Größe \N{SNOWMAN}",)
    assert finding.chains == (Chain(steps=(ChainStep(name="Größe \N{SNOWMAN}"),)),)


def test_a_refusal_of_a_plugin_gets_cures_and_a_hint_if_it_has_none(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["c"]), WheelSpec("c"), WheelSpec("b")]
    case = Case(tmp_path, wheels, {"base": ["a"], "more": ["b"]}, rules=[Says("C")])
    finding = case.only("says.so", with_wheels=False)
    assert finding.distribution == "c"
    assert [[change.action for change in cure.changes] for cure in finding.cures] == [
        ["exclude"],
        ["drop"],
        ["make-optional"],
    ]
    assert finding.hint == "; or ".join(cure.text for cure in finding.cures)


def test_cures_of_a_plugin_stay_as_they_are(tmp_path: Path) -> None:
    rule = Says("a")
    rule.finding = replace(rule.finding, cures=(Cure(text="ask us"),), hint="ask")
    finding = case_of(tmp_path, rule, WheelSpec("a")).only("says.so", with_wheels=False)
    assert (finding.cures, finding.hint) == ((Cure(text="ask us"),), "ask")


def test_a_finding_about_the_whole_plan_has_no_chains(tmp_path: Path) -> None:
    finding = case_of(tmp_path, Says(""), WheelSpec("a")).only("says.so", with_wheels=False)
    assert (finding.chain, finding.chains) == ((), ())


def test_an_unmet_requirement_has_the_chains_to_who_makes_it(tmp_path: Path) -> None:
    wheels = [
        WheelSpec("a", requires=["c", "b"]),
        WheelSpec("b", requires=["c"]),
        WheelSpec("c", requires=["d>=2"]),
        WheelSpec("e", requires=["d"]),
        WheelSpec("d", "1.0"),
    ]
    finding = Case(tmp_path, wheels, {"base": ["a", "e"]}).only("closure.version", with_wheels=False)
    assert [item.names for item in finding.chains] == [("a", "c", "d"), ("a", "b", "c", "d")]


def test_what_comes_with_every_environment_is_explained_by_its_stage(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("pip"), WheelSpec("a")], {"base": ["a", "pip"]}, rules=[Says("pip")])
    case.change("pip", stage="create")
    case.context.manifest = replace(case.wanted, stages=())
    assert case.only("says.so", with_wheels=False).chains[0].stage == "create"
