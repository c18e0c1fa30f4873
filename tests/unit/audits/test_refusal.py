from __future__ import annotations

from pathlib import Path

from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.audits.refusal import draw_chains, refusal
from lockhouse.errors import ScanRefused
from lockhouse.findings import Chain, ChainStep
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


def test_several_culprits_are_all_told_each_with_its_cures_and_last_what_cures_them_all(tmp_path: Path) -> None:
    wheels = [
        WheelSpec("a", requires=["bad", "old>=2"]),
        WheelSpec("b", requires=["bad"]),
        WheelSpec("bad"),
        WheelSpec("old", "1.0"),
    ]
    error = refused(Case(tmp_path, wheels, {"base": ["a", "b"]}, manifest=LISTED))
    assert error.summary == "the scan refused the plan because of bad 1.0, old 1.0"
    assert (error.cause or "").splitlines() == [
        "✗ bad 1.0",
        "  a 1.0, listed in stage base: a",
        "  └─ bad 1.0, asked for as bad",
        "  b 1.0, listed in stage base: b",
        "  └─ bad 1.0, asked for as bad",
        "  bad 1.0 is blacklisted: it crashes",
        '  try: add {"distribution": "a", "dependency": "bad"} and {"distribution": "b", "dependency": "bad"}'
        " to exclude, if a and b can do without it",
        "",
        "✗ old 1.0",
        "  a 1.0, listed in stage base: a",
        "  └─ old 1.0, asked for as old>=2",
        "  a 1.0 requires old>=2; the plan has 1.0",
        "  try: list old>=2 in stage base",
        "  try: change a in stage base to a!=1.0",
        '  try: add {"distribution": "a", "dependency": "old"} to exclude, if a can do without it',
        "  try: drop a from stage base",
        "Nothing was touched.",
    ]
    assert [hint.text for hint in error.hints] == ["make stage base optional"]


def test_very_many_culprits_are_counted(tmp_path: Path) -> None:
    names = [f"bad{i:02}" for i in range(25)]
    listed = {"blacklist": tuple(BlacklistEntry(requirement=name) for name in names)}
    case = Case(tmp_path, [WheelSpec(name) for name in names], {"base": names}, manifest=listed)
    error = refused(case)
    assert error.summary == "the scan refused the plan because of bad00 1.0, bad01 1.0, bad02 1.0 and 22 more"
    assert (error.cause or "").count("✗") == 20
    assert "… and 5 more; with --json the scan lists them all" in (error.cause or "")


def test_a_chain_longer_than_the_stack_is_drawn() -> None:
    steps = tuple(ChainStep(name=f"n{i}", version="1") for i in range(5000))
    lines = list(draw_chains([Chain(stage="base", steps=steps)]))
    assert len(lines) == 5000
    assert lines[-1].endswith("└─ n4999 1")


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
