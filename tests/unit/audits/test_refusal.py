from __future__ import annotations

from pathlib import Path

from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.audits.refusal import draw_chains, refusal
from lockhouse.errors import ScanRefused
from lockhouse.manifest import BlacklistEntry

LISTED = {"blacklist": (BlacklistEntry(requirement="bad", reason="it crashes"),)}


def refused(case: Case) -> ScanRefused:
    return refusal(case.judge(with_wheels=False))


def test_one_culprit_is_named_then_its_chain_is_drawn_then_the_reason_given(tmp_path: Path) -> None:
    wheels = [
        WheelSpec("a", "2.0", ['b[x]>=1; sys_platform == "linux"']),
        WheelSpec("b", "1.5", ['bad>=0.1; extra == "x"'], extras=["x"]),
        WheelSpec("bad", "0.2"),
    ]
    error = refused(Case(tmp_path, wheels, {"train": ["a==2.0"]}, manifest=LISTED))
    assert error.exit_status == 3
    assert error.summary == "the scan refused the plan because of bad 0.2"
    assert (error.cause or "").splitlines() == [
        "a 2.0, listed in stage train: a==2.0",
        '└─ b 1.5, asked for as b[x]>=1; sys_platform == "linux"',
        '   └─ bad 0.2, asked for as bad>=0.1; extra == "x"',
        "bad 0.2 is blacklisted: it crashes",
        "Nothing was touched.",
    ]
    assert [hint.text for hint in error.hints] == [
        'add {"distribution": "b", "dependency": "bad"} to exclude, if b can do without it',
        "make stage train optional",
    ]
    assert {hint.code for hint in error.hints} == {"blacklist-listed"}


def test_several_culprits_are_all_told_each_under_its_name(tmp_path: Path) -> None:
    wheels = [WheelSpec("a", requires=["bad", "old>=2"]), WheelSpec("bad"), WheelSpec("old", "1.0")]
    error = refused(Case(tmp_path, wheels, {"base": ["a"]}, manifest=LISTED))
    assert error.summary == "the scan refused the plan because of bad 1.0, old 1.0"
    cause = error.cause or ""
    assert (
        "bad 1.0\n  a 1.0, listed in stage base: a\n  └─ bad 1.0, asked for as bad\n  bad 1.0 is blacklisted" in cause
    )
    assert "\n\nold 1.0\n" in cause
    assert "a 1.0 requires old>=2; the plan has 1.0" in cause
    assert {hint.text.partition(":")[0] for hint in error.hints} == {"bad", "old"}


def test_several_ways_to_one_culprit_are_drawn_together_and_the_reason_is_given_once(tmp_path: Path) -> None:
    wheels = [
        WheelSpec("a", requires=["c", "d"]),
        WheelSpec("b", requires=["d"]),
        WheelSpec("c", requires=["bad"]),
        WheelSpec("d", requires=["bad"]),
        WheelSpec("bad"),
    ]
    cause = refused(Case(tmp_path, wheels, {"base": ["a", "b"]}, manifest=LISTED)).cause or ""
    assert cause.splitlines() == [
        "a 1.0, listed in stage base: a",
        "├─ c 1.0, asked for as c",
        "│  └─ bad 1.0, asked for as bad",
        "└─ d 1.0, asked for as d",
        "   └─ bad 1.0, asked for as bad",
        "b 1.0, listed in stage base: b",
        "└─ d 1.0, asked for as d",
        "   └─ bad 1.0, asked for as bad",
        "bad 1.0 is blacklisted: it crashes",
        "Nothing was touched.",
    ]


def test_very_many_ways_are_counted(tmp_path: Path) -> None:
    wheels = [*(WheelSpec(f"r{i:02}", requires=["bad"]) for i in range(12)), WheelSpec("bad")]
    case = Case(tmp_path, wheels, {"base": [f"r{i:02}" for i in range(12)]}, manifest=LISTED)
    assert "… and 2 more ways" in (refused(case).cause or "")


def test_what_is_missing_is_drawn_as_missing(tmp_path: Path) -> None:
    case = Case(tmp_path, [WheelSpec("a", requires=["gone>=1"])], {"base": ["a"]})
    assert "└─ gone, not in the plan, asked for as gone>=1" in (refused(case).cause or "")


def test_no_chains_draw_nothing() -> None:
    assert list(draw_chains([])) == []
