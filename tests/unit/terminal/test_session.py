"""From request to exit status: documents, answers, errors, and whose standard output it is."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fixtures.documents import valid
from fixtures.standins import run, stand_in
from lockhouse.cli import main
from lockhouse.errors import InternalError, Interrupted, LockhouseError, StorageError, UsageError
from lockhouse.terminal.documents import FIELDS
from lockhouse.terminal.record import Record
from lockhouse.terminal.session import explain

FULL = Path("/dev/full")
"""A file that takes nothing, as on a full disk."""


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Make a project whose ``detect`` is a plugin's: it prints, and then does what ``body`` says."""
    return partial(stand_in, tmp_path)


def document_of(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return valid(json.loads(ended.stdout))


def test_standard_output_holds_the_document_alone_whoever_prints(project: Callable[..., Path]) -> None:
    ended = run(project(), "--json", "detect")
    assert ended.returncode == 0, ended.stderr
    assert document_of(ended)["ok"]
    assert "a plugin prints" in ended.stderr
    assert "a program prints" in ended.stderr


def test_hints_of_plugins_are_shown_and_are_in_the_document(project: Callable[..., Path]) -> None:
    root = project('raise NetworkError("no answer", url="http://x/")')
    ended = run(root, "--json", "detect")
    assert ended.returncode == 1
    assert document_of(ended)["error"]["hints"] == [{"code": "vpn", "text": "connect to the company network"}]
    assert ended.stderr.endswith("error: no answer\ntry: connect to the company network\n")


def test_defect_ends_with_status_70_and_a_traceback_only_for_who_asks(project: Callable[..., Path]) -> None:
    root = project('from lockhouse.errors import InternalError; raise InternalError("lost")')
    ended = run(root, "detect")
    assert ended.returncode == 70
    assert "error: lost" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stderr.endswith("try: run again with --debug to see where it happened\n")
    asked = run(root, "--debug", "detect")
    assert asked.returncode == 70
    assert "Traceback" in asked.stderr
    assert 'raise InternalError("lost")' in asked.stderr


def test_quiet_says_nothing_when_all_is_well(project: Callable[..., Path]) -> None:
    ended = run(project().resolve(), "--quiet", "generations")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals to send")
def test_interruption_is_one_line_and_status_130(name: str, project: Callable[..., Path]) -> None:
    root = project(f"os.kill(os.getpid(), signal.{name}); time.sleep(30)")
    ended = run(root, "--json", "detect")
    assert ended.returncode == 130
    assert document_of(ended)["error"]["code"] == "interrupted"
    assert ended.stderr.splitlines()[-1] == "interrupted"
    assert "Traceback" not in ended.stderr


def test_broken_manifest_gives_a_document_too(tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "demo.json").write_text('{"nmae": "x"}')
    ended = run(tmp_path, "install", "--json")
    assert ended.returncode == 2
    document = document_of(ended)
    assert document["error"]["code"] == "manifest"
    assert (document["environment"], document["generation"], document["phases"]) == (None, None, [])


def test_plugins_are_listed_without_a_manifest(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "broken.py").write_text("import nothing_like_it")
    assert main(["-C", str(tmp_path), "plugins"]) == 0
    out = capfd.readouterr().out
    assert "cuda" in out
    assert "broken: " in out
    assert "nothing_like_it" in out
    assert main(["-C", str(tmp_path), "plugins", "--json"]) == 0
    document = valid(json.loads(capfd.readouterr().out))
    broken = next(item for item in document["plugins"] if item["name"] == "broken")
    assert (broken["status"], "nothing_like_it" in broken["reason"]) == ("failed", True)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end differently there")
@pytest.mark.parametrize("redirect", ["| true", ">&-", "2>&-", "2>&1 | true", ">&- 2>&-"])
@pytest.mark.parametrize(("command", "status"), [("plugins", 0), ("--help", 0), ("nothing --json", 2)])
def test_standard_streams_may_be_closed(command: str, status: int, redirect: str, tmp_path: Path) -> None:
    line = f'set -o pipefail; "{sys.executable}" -m lockhouse -C "{tmp_path}" {command} {redirect}'
    ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr
    assert "usage:" not in ended.stderr  # what was meant for one stream goes to no other


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [["plugins"], ["plugins", "--json"], ["--help"], ["--version"], ["x", "--json"]])
def test_full_disk_under_the_answer_is_an_error(arguments: list[str], tmp_path: Path) -> None:
    with FULL.open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "lockhouse", "-C", tmp_path, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: standard output cannot be written\n")
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("options", [[], ["--debug"]])
def test_an_error_that_nobody_can_be_told_keeps_its_status(options: list[str], project: Callable[..., Path]) -> None:
    root = project('raise NetworkError("no answer", url="http://x/")')
    with FULL.open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "lockhouse", "-C", root, *options, "detect"],
            stdout=full,
            stderr=full,
            check=False,
            timeout=60,
        )
    assert ended.returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="encodings are chosen differently there")
def test_any_encoding_can_carry_an_answer(tmp_path: Path) -> None:
    root = tmp_path / "größe"
    root.mkdir()
    ended = subprocess.run(
        [sys.executable, "-m", "lockhouse", "-C", root, "detect"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 2
    assert b"gr\\xf6\\xdfe" in ended.stderr


@pytest.mark.parametrize(
    ("caught", "kind", "summary"),
    [
        (KeyboardInterrupt(), Interrupted, "interrupted"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), StorageError, "the system refused at /x/y"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/x/y"), InternalError, "lockhouse has a defect"),
        (RecursionError("deep"), InternalError, "lockhouse has a defect"),
        (UsageError("so not"), UsageError, "so not"),
    ],
)
def test_whatever_stops_a_verb_can_be_shown(caught: BaseException, kind: type[LockhouseError], summary: str) -> None:
    error = explain(caught, debug=False)
    assert type(error) is kind
    assert error.summary == summary


def test_there_is_a_document_whatever_becomes_of_making_it(
    project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(record: Record) -> dict[str, Any]:
        if record.context is not None:
            raise RecursionError("too deep")
        return sound(record)

    sound = FIELDS["generations"]
    monkeypatch.setitem(FIELDS, "generations", broken)
    status = main(["-C", str(project()), "--json", "generations"])
    told = capfd.readouterr()
    assert status == 70
    assert valid(json.loads(told.out))["error"]["cause"] == "RecursionError: too deep"
    assert "Traceback" not in told.err
    assert told.err.count("error:") == 1
