from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from fixtures.judged import Case, rules_plugin
from fixtures.wheels import WheelSpec
from lockhouse.audits import Audit
from lockhouse.errors import InternalError, ScanRefused
from lockhouse.events import Message
from lockhouse.findings import Finding, ScanReport
from lockhouse.manifest import BlacklistEntry, Exclusion
from lockhouse.phases.scan import steps
from lockhouse.steps import Step


def prepared(case: Case) -> Step:
    """The step, with what earlier steps leave behind."""
    case.context.state.write(case.plan)
    case.context.state.write(case.host)
    (step,) = steps(case.context.project, case.wanted)
    return step


def good(root: Path, **fields: object) -> Case:
    return Case(root, [WheelSpec("a", requires=["b"]), WheelSpec("b")], {"base": ["a"]}, **fields)  # type: ignore[arg-type]


def up_to_date(step: Step, case: Case) -> bool:
    assert step.up_to_date is not None
    return step.up_to_date(case.context)


class Strange:
    name = "strange"
    needs_wheels = False
    version = "1"

    def examine(self, subject: object) -> tuple[Finding, ...]:
        return ()


def test_the_step_stands_between_download_and_what_changes_things(tmp_path: Path) -> None:
    step = prepared(good(tmp_path))
    assert (step.name, step.phase, step.needs) == ("scan", "scan", ("download",))
    assert step.outputs == (tmp_path / ".lockhouse/demo/scan.json",)


def test_a_good_plan_passes_and_its_report_is_kept(tmp_path: Path) -> None:
    case = good(tmp_path)
    step = prepared(case)
    step.run(case.context)
    report = case.context.state.read(ScanReport)
    assert report is not None
    assert report.ok
    assert report.wheels == 2
    assert case.context.details["scan"] == f"2 wheels, {len(report.rules)} rules, nothing refused"
    assert all(path.is_file() for path in step.outputs)


def test_a_refusal_raises_and_its_report_is_kept_too(tmp_path: Path) -> None:
    case = good(tmp_path, manifest={"blacklist": (BlacklistEntry(requirement="b"),)})
    step = prepared(case)
    with pytest.raises(ScanRefused) as caught:
        step.run(case.context)
    assert caught.value.exit_status == 3
    report = case.context.state.read(ScanReport)
    assert report is not None
    assert [finding.code for finding in report.refused] == ["blacklist.listed"]
    assert "1 refused" in case.context.details["scan"]
    assert not up_to_date(step, case)


def test_a_refusal_touches_nothing_but_the_report(tmp_path: Path) -> None:
    case = good(tmp_path, manifest={"blacklist": (BlacklistEntry(requirement="b"),)})
    step = prepared(case)
    case.judge()  # takes note of the hashes in the wheelhouse
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ScanRefused):
        step.run(case.context)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {path for path in after if after[path] != before.get(path)} == set(step.outputs)
    assert set(before) <= set(after)


def told(case: Case) -> list[tuple[str, str]]:
    prepared(case).run(case.context)
    return [(event.level, event.text) for event in case.events if isinstance(event, Message)]


def case_with_warning_and_note(root: Path) -> Case:
    cuts = (Exclusion(distribution="a", dependency="b"),)
    return Case(root, [WheelSpec("a", requires=["b"])], {"base": ["a[nope]"]}, manifest={"exclude": cuts})


def test_warnings_and_notes_are_told_in_short_on_the_way_to_an_environment(tmp_path: Path) -> None:
    case = case_with_warning_and_note(tmp_path)
    case.context.building_next = True
    assert told(case) == [
        ("warning", "stage base: a[nope] asks for the extra 'nope', which a 1.0 does not provide"),
        ("info", "a 1.0 asks for b, which the manifest excludes"),
    ]
    assert case.context.details["scan"].endswith("nothing refused, 1 warning")


def test_a_scan_alone_leaves_it_to_the_answer_to_tell_them(tmp_path: Path) -> None:
    assert told(case_with_warning_and_note(tmp_path)) == []


def test_of_a_refused_plan_warnings_are_told_and_notes_are_not(tmp_path: Path) -> None:
    case = case_with_warning_and_note(tmp_path)
    case.change("a", requirement="a[nope]>2")
    with pytest.raises(ScanRefused):
        told(case)
    assert [event.level for event in case.events if isinstance(event, Message)] == ["warning"]


def test_what_has_passed_is_up_to_date(tmp_path: Path) -> None:
    case = good(tmp_path)
    step = prepared(case)
    assert not up_to_date(step, case)
    step.run(case.context)
    told = case.context.details.pop("scan")
    assert up_to_date(step, case)
    assert case.context.details["scan"] == told


def test_a_changed_wheel_is_scanned_again(tmp_path: Path) -> None:
    case = good(tmp_path)
    step = prepared(case)
    step.run(case.context)
    case.built["b"].write_bytes(b"changed")
    assert not up_to_date(step, case)
    with pytest.raises(ScanRefused):
        step.run(case.context)


def test_another_plan_is_scanned_again(tmp_path: Path) -> None:
    case = good(tmp_path)
    step = prepared(case)
    step.run(case.context)
    case.change("b", version="1.0.0")
    case.context.state.write(case.plan)
    assert not up_to_date(step, case)


def test_a_rule_that_came_along_is_asked_before_the_scan_counts_as_done(tmp_path: Path) -> None:
    case = good(tmp_path)
    step = prepared(case)
    step.run(case.context)
    rule: Audit = Strange()
    more = good(tmp_path, plugins=[rules_plugin(rule)])
    assert not up_to_date(step, more)
    step.run(more.context)
    assert up_to_date(step, more)


def test_a_rule_of_another_version_is_asked_again(tmp_path: Path) -> None:
    case = good(tmp_path, rules=[Strange()])
    step = prepared(case)
    step.run(case.context)
    newer = Strange()
    newer.version = "2"
    assert not up_to_date(step, good(tmp_path, rules=[newer]))


def test_a_rule_without_a_version_is_asked_again_when_its_code_has_changed(tmp_path: Path) -> None:
    def plugin(path: Path, extra: str) -> object:
        path.write_text(
            f"class Rule:\n    name = 'r'\n    needs_wheels = False\n    def examine(self, subject): return ()\n{extra}"
        )
        spec = importlib.util.spec_from_file_location("rule_of_a_stranger", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module.Rule()

    case = good(tmp_path, rules=[plugin(tmp_path / "stranger.py", "")])
    step = prepared(case)
    step.run(case.context)
    assert up_to_date(step, case)
    assert not up_to_date(step, good(tmp_path, rules=[plugin(tmp_path / "stranger.py", "# changed")]))


def test_a_damaged_report_counts_as_none(tmp_path: Path) -> None:
    case = good(tmp_path)
    step = prepared(case)
    step.run(case.context)
    step.outputs[0].write_text("{")
    assert not up_to_date(step, good(tmp_path))


def test_without_a_plan_there_is_nothing_to_scan(tmp_path: Path) -> None:
    case = good(tmp_path)
    (step,) = steps(case.context.project, case.wanted)
    with pytest.raises(InternalError):
        step.run(case.context)
