"""The command line: what is understood, what is refused and how, and with which status it ends."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.documents import valid
from lockhouse import __version__, errors
from lockhouse.cli import VERBS, main, parse
from lockhouse.errors import UsageError
from lockhouse.terminal.documents import FIELDS
from lockhouse.terminal.request import Request


def request(*arguments: str) -> Request:
    return parse(list(arguments), argparse.Namespace(verb=None))


def test_options_count_before_and_after_the_verb(tmp_path: Path) -> None:
    before = request("-C", str(tmp_path), "-m", "llm", "-a", "cpu", "--offline", "--locked", "--json", "install")
    after = request("install", "-C", str(tmp_path), "-m", "llm", "--accelerator=cpu", "--offline", "--locked", "--json")
    assert before == after
    assert before.root == tmp_path
    assert before.manifest == "llm"
    assert before.json
    assert before.options.offline
    assert before.options.locked
    assert before.options.selection.accelerator == "cpu"


def test_an_option_before_the_verb_is_not_undone_after_it() -> None:
    asked = request("--quiet", "--debug", "plan", "--offline")
    assert (asked.quiet, asked.debug, asked.options.offline, asked.json) == (True, True, True, False)


def test_stages_are_gathered_from_both_sides_of_the_verb() -> None:
    selection = request("--with", "vision", "--without", "gui", "install", "--with", "audio").options.selection
    assert selection.with_stages == ("vision", "audio")
    assert selection.without_stages == ("gui",)


def test_verify_is_deep_only_when_asked() -> None:
    assert request("verify", "--deep").options.deep
    assert not request("verify").options.deep
    assert not request("install").options.deep


def test_verify_builds_unless_forbidden() -> None:
    assert request("verify").options.build
    assert not request("verify", "--no-build").options.build


def test_upgrade_tells_all_from_some_and_from_none() -> None:
    assert request("upgrade").options.upgrade == ()
    assert request("upgrade", "torch", "--offline", "numpy").options.upgrade == ("torch", "numpy")
    assert request("install").options.upgrade is None


def test_rollback_and_clean_have_arguments_of_their_own() -> None:
    assert request("rollback", "3").number == 3
    assert request("rollback").number is None
    assert request("clean", "--dry-run").dry_run


@pytest.mark.parametrize(
    ("arguments", "summary", "hint"),
    [
        (["instal"], "no verb 'instal'", "did you mean install?"),
        (["zzz"], "no verb 'zzz'", "see lockhouse --help"),
        (["export"], "does not have export yet", "verbs are: detect"),
        (["bundle", "--to", "x"], "does not have bundle yet", "verbs are: detect"),
        ([], "no verb was given", "verbs are: detect"),
        (["plan", "--ofline"], "'--ofline'", "did you mean --offline?"),
        (["--jso", "plan"], "'--jso'", "did you mean --json?"),
        (["plan", "extra"], "'extra'", "see lockhouse plan --help"),
        (["rollback", "three"], "'three' is no number", "see lockhouse rollback --help"),
        (["-C", "/does/not/exist", "plan"], "/does/not/exist is not a folder", "give a folder with -C"),
        (["-m"], "expected one argument", "--help"),
    ],
)
def test_what_is_not_understood_is_refused_with_advice(arguments: list[str], summary: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        request(*arguments)
    assert summary in caught.value.summary
    assert hint in caught.value.hints[0].text


def test_upgrade_and_locked_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="upgrade cannot be locked"):
        request("--locked", "upgrade")


def test_misspelt_verb_ends_with_status_two_and_one_document(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "instal"]) == 2
    out, err = capfd.readouterr()
    document = valid(json.loads(out))
    assert document["schema"] == "lockhouse.usage/1"
    assert document["error"]["hints"] == [{"code": "did-you-mean", "text": "did you mean install?"}]
    assert err == "error: there is no verb 'instal'\ntry: did you mean install?\n"


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_wrong_use_of_a_verb_gives_that_verbs_document(verb: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--json", "--frob"]) == 2
    document: dict[str, Any] = valid(json.loads(capfd.readouterr().out))
    assert document["schema"] == f"lockhouse.{verb}/1"
    assert document["error"]["code"] == "usage"


def test_every_verb_has_a_document_and_an_answer() -> None:
    from lockhouse.terminal.answers import ANSWERS

    names = {verb.name for verb in VERBS}
    assert set(FIELDS) == names
    assert set(ANSWERS) == names


def test_help_names_every_verb(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capfd.readouterr().out
    for verb in VERBS:
        assert f"  {verb.name} " in text


def test_help_tells_of_the_verbs_first(capfd: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    lines = capfd.readouterr().out.splitlines()
    assert lines.index("verbs:") < lines.index("options, before or after the verb:") < lines.index("instead of a verb:")


@pytest.mark.parametrize("columns", ["80", "48"])
@pytest.mark.parametrize("arguments", [["--help"], *([verb.name, "--help"] for verb in VERBS)], ids=" ".join)
def test_help_fits_the_terminal(
    arguments: list[str], columns: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert main(arguments) == 0
    assert max(map(len, capfd.readouterr().out.splitlines())) <= int(columns)


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_every_verb_explains_itself(verb: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    assert f"usage: lockhouse {verb}" in capfd.readouterr().out


def test_version(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capfd.readouterr().out == f"lockhouse {__version__}\n"


def test_documentation_names_every_verb_option_and_exit_status() -> None:
    text = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    for verb in VERBS:
        assert f"\n| `{verb.name}" in text
    short, switches = ("-C", "-m", "-a"), ("--offline", "--locked", "--json", "--quiet", "--debug")
    for option in (*short, *switches, "--accelerator", "--with", "--without"):
        assert f"`{option}" in text
    statuses = {
        kind.exit_status for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_status")
    }
    for status in statuses:
        assert f"\n| {status} | " in text
