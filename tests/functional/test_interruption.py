"""Requests to end: at any instant, however often, the status and the document are those of the contract."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.documents import valid
from fixtures.standins import run, stand_in

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")

ASK = "os.kill(os.getpid(), signal.SIGINT)"
FINDER = f"""
import os, signal, sys
class Asking:
    def find_spec(self, name, path=None, target=None):
        if name == {{name!r}}:
            {ASK}
sys.meta_path.insert(0, Asking())
"""


def outcome(root: Path, *argv: str) -> tuple[int, str | None]:
    """Status and code of the error, of a run whose document is whole and whose messages are ours."""
    ended = run(root, "--json", *argv)
    assert "Traceback" not in ended.stderr, ended.stderr
    assert "Exception ignored" not in ended.stderr, ended.stderr
    document = valid(json.loads(ended.stdout))
    return ended.returncode, document["error"] and document["error"]["code"]


BODIES = {
    "in exec": f"exec({ASK!r})",  # CPython remembers a KeyboardInterrupt that leaves exec
    # CPython 3.11 wraps what __set_name__ raises
    "in __set_name__": f"""
class Field:
    def __set_name__(self, owner, name):
        {ASK}
class Owner:
    field = Field()
""",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_request_ends_a_run_as_interrupted_wherever_it_arrives(body: str, tmp_path: Path) -> None:
    assert outcome(stand_in(tmp_path, body), "detect") == (130, "interrupted")


def test_asking_twice_does_not_stop_what_puts_work_away(tmp_path: Path) -> None:
    body = f"try:\n    {ASK}\nfinally:\n    {ASK}\n    open('put away', 'w').close()"
    root = stand_in(tmp_path, f"os.chdir({str(tmp_path)!r})\n{body}")
    assert outcome(root, "detect") == (130, "interrupted")
    assert (root / "put away").exists()


def test_request_that_somebody_swallowed_stops_the_next_step(tmp_path: Path) -> None:
    body = f"try:\n    {ASK}\nexcept BaseException:\n    pass"
    root = stand_in(tmp_path, body)
    assert outcome(root, "plan") == (130, "interrupted")


def test_request_before_anything_is_imported_has_its_document(tmp_path: Path) -> None:
    start = "from lockhouse.__main__ import main; main()"
    code = FINDER.format(name="lockhouse.cli") + start
    argv = [sys.executable, "-c", code, "-C", str(tmp_path), "--json", "plugins"]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 130, ended.stderr
    assert valid(json.loads(ended.stdout))["error"]["code"] == "interrupted"
    assert ended.stderr == "interrupted\n"


@pytest.mark.parametrize(
    "late",
    [f"atexit.register(lambda: {ASK})", "sys.last = Last()"],
    ids=["at exit", "when the interpreter has given up its handlers"],
)
def test_request_after_the_last_step_changes_nothing(late: str, tmp_path: Path) -> None:
    body = f"""
class Last:
    def __del__(self, kill=os.kill, process=os.getpid(), number=signal.SIGINT):
        kill(process, number)
{late}
"""
    assert outcome(stand_in(tmp_path, body), "detect") == (0, None)


def test_request_while_an_error_is_told_changes_neither_status_nor_document(tmp_path: Path) -> None:
    hints = f"\n@hookimpl\ndef lockhouse_hints(error):\n    {ASK}\n    {ASK}\n    yield Hint('a', 'b')\n"
    root = stand_in(tmp_path, 'raise NetworkError("no answer", url="http://x/")', hints)
    assert outcome(root, "detect") == (1, "network")


def test_interrupted_process_does_not_wait_for_threads(tmp_path: Path) -> None:
    body = f"threading.Thread(target=time.sleep, args=(90,)).start(); {ASK}"
    assert outcome(stand_in(tmp_path, body), "detect") == (130, "interrupted")  # run() waits for less


def test_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    root = stand_in(tmp_path, "os.kill(os.getpid(), signal.SIGHUP)")
    command = f'trap "" HUP; exec "{sys.executable}" -m lockhouse -C "{root}" detect'
    assert subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=60).returncode == 0


def test_doit_that_is_asked_to_end_while_it_loads_ends_as_interrupted(tmp_path: Path) -> None:
    dodo = (Path(__file__).parents[2] / "dodo.py").read_text(encoding="utf-8")
    docstring, rest = dodo.split("\n", 1)
    (tmp_path / "dodo.py").write_text(docstring + FINDER.format(name="lockhouse.tasks") + rest, encoding="utf-8")
    argv = [sys.executable, "-m", "doit", "list"]
    ended = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (130, "interrupted\n")


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_doit_ends_as_interrupted_wherever_the_request_arrives(body: str, tmp_path: Path) -> None:
    root = stand_in(tmp_path, body)
    dodo = (Path(__file__).parents[2] / "dodo.py").read_text(encoding="utf-8")
    (root / "dodo.py").write_text(dodo, encoding="utf-8")
    argv = [sys.executable, "-m", "doit", "detect"]
    ended = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 130, ended.stderr
    assert ended.stderr.splitlines()[-1] == "interrupted"
