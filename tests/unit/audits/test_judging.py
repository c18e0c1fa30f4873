from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

import lockhouse
from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.audits import Subject
from lockhouse.audits.builtin import RULES, BuiltIn, lockhouse_audits
from lockhouse.audits.judging import examine, judge, stages_of
from lockhouse.errors import InterpreterNotFound
from lockhouse.events import Progress
from lockhouse.findings import Finding, Severity
from lockhouse.manifest import BlacklistEntry

LISTED = {"blacklist": (BlacklistEntry(requirement="bad"),)}


def note(distribution: str, severity: Severity = "note") -> Finding:
    return Finding(
        rule="own", code="own.seen", severity=severity, distribution=distribution, chain=(), message="", hint=""
    )


@dataclass
class Own:
    """A stranger's rule: gives what it was made with."""

    name: str = "own"
    needs_wheels: bool = False
    gives: Iterable[Finding] = ()
    raises: Exception | None = None
    version: str = "7.1"
    seen: list[Subject] = field(default_factory=list)

    def examine(self, subject: Subject) -> Iterable[Finding]:
        self.seen.append(subject)
        yield from self.gives
        if self.raises:
            raise self.raises


def one(tmp_path: Path, *rules: Own) -> Case:
    return Case(tmp_path, [WheelSpec("a")], {"base": ["a"]}, rules=rules)


def test_a_report_names_its_plan_its_rules_and_what_it_looked_at(tmp_path: Path) -> None:
    case = one(tmp_path)
    report = case.judge()
    assert report.plan == case.plan.digest
    assert report.wheels == 1
    assert report.rules == tuple(f"{rule.name} {lockhouse.__version__}" for rule in lockhouse_audits())


def test_names_of_built_in_rules_are_theirs_alone_and_begin_the_codes_of_their_findings() -> None:
    names = [rule.name for rule in lockhouse_audits()]
    assert len(set(names)) == len(names) >= 10


def test_without_wheels_only_rules_that_need_none_are_asked(tmp_path: Path) -> None:
    late, early = Own("late", needs_wheels=True), Own("early")
    report = one(tmp_path, late, early).judge(with_wheels=False)
    assert "early 7.1" in report.rules
    assert "late 7.1" not in report.rules
    assert not late.seen
    assert not early.seen[0].wheels
    assert not early.seen[0].files


def test_a_strangers_rule_sees_the_wheels_and_its_findings_count(tmp_path: Path) -> None:
    rule = Own(gives=[note("a", "refuse")], needs_wheels=True)
    case = one(tmp_path, rule)
    report = case.judge()
    assert not report.ok
    assert rule.seen[0].wheels["a"].path == case.built["a"] == rule.seen[0].files["a"]


def test_a_strangers_rule_that_raises_is_named_and_the_others_still_judge(tmp_path: Path) -> None:
    case = Case(
        tmp_path,
        [WheelSpec("bad")],
        {"base": ["bad"]},
        manifest=LISTED,
        rules=[Own(gives=[note("a", "refuse")], raises=ZeroDivisionError("boom"))],
    )
    report = case.judge()
    assert [finding.code for finding in report.findings] == ["rule.failed", "blacklist.listed"]
    failed = report.findings[0]
    assert failed.severity == "refuse"
    assert "the rule own; it judged nothing" in failed.message
    assert "LOCKHOUSE_DISABLE_PLUGINS=rules-0" in failed.hint
    assert "ZeroDivisionError: boom" in failed.message


@pytest.mark.parametrize(
    "gift",
    ["text", None, replace(note("a"), severity="fatal"), replace(note("a"), chain=(1, 2))],  # type: ignore[arg-type]
)
def test_a_strangers_rule_that_gives_no_findings_is_named(tmp_path: Path, gift: object) -> None:
    report = one(tmp_path, Own(gives=[gift])).judge()  # type: ignore[list-item]
    assert [finding.code for finding in report.findings] == ["rule.failed"]


def test_findings_come_gravest_first_then_by_distribution_whatever_the_order_of_rules(tmp_path: Path) -> None:
    findings = [note("b"), note("a"), note("c", "warn"), note("z", "refuse"), note("y", "refuse")]
    random.Random(7).shuffle(findings)
    report = one(tmp_path, Own("x", gives=findings[:2]), Own("y", gives=findings[2:])).judge()
    assert [(item.severity, item.distribution) for item in report.findings] == [
        ("refuse", "y"),
        ("refuse", "z"),
        ("warn", "c"),
        ("note", "a"),
        ("note", "b"),
    ]


def test_the_same_finding_twice_is_reported_once(tmp_path: Path) -> None:
    assert len(one(tmp_path, Own(gives=[note("a"), note("a")])).judge().findings) == 1


def test_reading_wheels_tells_its_progress(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a"), WheelSpec("b")], {"base": ["a", "b"]})
    case.judge()
    told = [(event.step, event.done, event.total) for event in case.events if isinstance(event, Progress)]
    assert (told[0], told[-1]) == (("scan", 0, 2), ("scan", 2, 2))
    assert told == sorted(told)
    case.events.clear()
    case.judge()  # of what is remembered nothing is read
    told = [(event.step, event.done, event.total) for event in case.events if isinstance(event, Progress)]
    assert told == [("scan", 1, 2), ("scan", 2, 2)]


def test_a_python_that_is_gone_is_an_error_and_not_a_finding(tmp_path: Path) -> None:
    case = one(tmp_path)
    gone = replace(case.plan, target=replace(case.plan.target, python_version="3.12"))
    with pytest.raises(InterpreterNotFound):
        judge(case.context, gone, case.host, with_wheels=False)


def test_a_wheel_that_cannot_be_read_is_not_shown_to_rules(tmp_path: Path) -> None:
    case = one(tmp_path)
    case.built["a"].write_bytes(b"no archive")
    case.change("a", sha256=case.wheelhouse.sha256(case.built["a"]))
    report = case.judge()
    assert report.wheels == 0
    assert [finding.code for finding in report.refused] == ["integrity.no-archive"]


def test_the_stages_of_a_refusal_are_those_of_every_requirement_that_leads_there(tmp_path: Path) -> None:
    wheels = [
        WheelSpec("required", requires=["shared"]),
        WheelSpec("extra", requires=["shared", "own"]),
        WheelSpec("shared", requires=["bad"]),
        WheelSpec("own", requires=["worse"]),
        WheelSpec("bad"),
        WheelSpec("worse"),
    ]
    listed = {"blacklist": (BlacklistEntry(requirement="bad"), BlacklistEntry(requirement="worse"))}
    case = Case(tmp_path, wheels, {"base": ["required"], "more": ["extra"]}, manifest=listed)
    stages = {finding.distribution: stages_of(finding, case.plan) for finding in case.judge(with_wheels=False).refused}
    assert stages == {"bad": {"base", "more"}, "worse": {"more"}}


def test_the_stages_of_an_unmet_requirement_are_those_of_who_makes_it(tmp_path: Path) -> None:
    wheels = [WheelSpec("hub", "0.25"), WheelSpec("models", requires=["hub>=0.30"])]
    case = Case(tmp_path, wheels, {"base": ["hub"], "more": ["models"]})
    assert stages_of(case.only("closure.version", with_wheels=False), case.plan) == {"more"}


def test_the_stages_of_a_cycle_are_found(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["b"]), WheelSpec("b", requires=["a", "bad"]), WheelSpec("bad", requires=["b"])]
    case = Case(tmp_path, wheels, {"base": ["a"]}, manifest=LISTED)
    assert stages_of(case.only("blacklist.listed", with_wheels=False), case.plan) == {"base"}


def test_the_stage_of_what_nobody_asks_for_is_its_own(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a"), WheelSpec("bad")], {"base": ["a"]}, manifest=LISTED)
    finding = case.only("blacklist.listed", with_wheels=False)
    assert finding.chain == ("bad",)
    assert stages_of(finding, case.plan) == {"base"}


def test_a_finding_about_no_distribution_has_no_stage(tmp_path: Path) -> None:
    assert stages_of(note(""), one(tmp_path).plan) == frozenset()


def test_a_subject_can_be_judged_by_chosen_rules(tmp_path: Path) -> None:
    case = one(tmp_path)
    report = examine(case.subject(), [Own(gives=[note("a")])], with_wheels=True)
    assert report.rules == ("own 7.1",)
    assert [finding.code for finding in report.findings] == ["own.seen"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_table_of_rules_says_what_the_rules_say_of_themselves(rule: BuiltIn) -> None:
    own = rule.load()
    assert (own.name, own.needs_wheels) == (rule.name, rule.needs_wheels)


def test_rules_see_facts_in_the_order_of_installation_whichever_wheel_was_read_first(tmp_path: Path) -> None:
    specs = [WheelSpec(name, padding=size) for name, size in (("c", 10), ("a", 400_000), ("b", 100_000))]
    case = Case(tmp_path, specs, {"base": ["b"], "more": ["c", "a"]})
    subject = case.subject()
    assert list(subject.facts) == [item.name for item in case.plan.distributions] == list(subject.wheels)
