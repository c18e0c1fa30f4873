"""Recorded machines, as authors of plugins write them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lockhouse.accelerators import Question
from lockhouse.codec import DecodeError
from lockhouse.probing import ask
from lockhouse.testing.machines import load_machine, load_machines

MACHINE: dict[str, Any] = {
    "about": "A Mac.",
    "host": {"system": "Darwin", "machine": "arm64", "macos": "14.5"},
    "answers": {"name": {"answer": "M2"}, "slow": {"error": "no answer within 5 s; stopped"}},
    "reading": {"present": True, "devices": [["M2", None, "apple8"]]},
    "supports": {"mps": True},
}


def write(folder: Path, name: str, **changes: Any) -> Path:
    path = folder / "mps" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**MACHINE, **changes}), encoding="utf-8")
    return path


def test_a_machine_is_named_by_its_file_and_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "b")
    write(tmp_path, "a")
    machines = load_machines(tmp_path / "mps")
    assert [(machine.namespace, machine.name) for machine in machines] == [("mps", "a"), ("mps", "b")]


def test_answers_become_the_ledger_that_the_accelerator_reads(tmp_path: Path) -> None:
    probes = load_machine(write(tmp_path, "a")).probes()
    assert {name: (probe.name, probe.answer, probe.error) for name, probe in probes.items()} == {
        "name": ("mps:name", "M2", None),
        "slow": ("mps:slow", None, "no answer within 5 s; stopped"),
    }


@pytest.mark.parametrize(
    ("host", "platform"),
    [
        ({"system": "Darwin", "machine": "arm64", "macos": "14.5"}, "macosx_14_5_arm64"),
        ({"system": "Windows", "machine": "AMD64"}, "win_amd64"),
        ({}, "linux_x86_64"),
        ({"machine": "aarch64"}, "linux_aarch64"),
    ],
)
def test_the_platform_is_that_of_the_machine(tmp_path: Path, host: dict[str, str], platform: str) -> None:
    assert load_machine(write(tmp_path, "a", host=host)).host_with().platform == platform


@pytest.mark.parametrize(
    ("changes", "place"),
    [({"supports": {"mps": "yes"}}, "supports"), ({"answer": {}}, "answer"), ({"host": 3}, "host")],
)
def test_what_does_not_fit_is_named_with_its_place(tmp_path: Path, changes: dict[str, Any], place: str) -> None:
    with pytest.raises(DecodeError) as caught:
        load_machine(write(tmp_path, "a", **changes))
    assert place in str(caught.value)
    assert "a.json" in str(caught.value)


COMMANDS = {
    "smi": {"output": "any\n"},
    "smi info -m": {"output": "0 Ascend 910B3\n", "complaint": "old\n"},
    "smi fail": {"complaint": "first\nno driver\n", "status": 7},
    "smi hang": {"output": "beginning", "hangs": True},
}


def asked(kind: Any, *ask: str) -> Question:
    return Question(name="q", kind=kind, ask=ask, timeout=2.0)


@pytest.mark.parametrize(
    ("question", "answer", "error"),
    [
        (asked("command", "smi", "info", "-m"), "0 Ascend 910B3\n", None),
        (asked("command", "smi", "other"), "any\n", None),
        (asked("command", "smi", "fail"), None, "exit status 7: no driver"),
        (asked("command", "smi", "hang"), None, "no answer within 2 s; stopped"),
        (asked("command", "tool"), None, "FileNotFoundError: [Errno 2] No such file or directory: 'tool'"),
        (asked("file", "/sys/a/version"), "1\n", None),
        (asked("file", "/sys/none"), None, "No such file or directory"),
        (asked("files", "/sys/*/version", "/dev/*"), '{"/sys/a/version": "1\\n", "/sys/b/version": "2\\n"}', None),
        (asked("files", "/none/*"), "{}", None),
        (asked("python", "print(1)"), None, "exit status 1: nobody recorded what q answers"),
    ],
    ids=lambda value: " ".join(value.ask) if isinstance(value, Question) else "",
)
def test_questions_are_answered_from_commands_and_files(
    tmp_path: Path, question: Question, answer: str | None, error: str | None
) -> None:
    files = {"/sys/a/version": "1\n", "/sys/b/version": "2\n", "/sys/a/b/version": "3\n"}
    machine = load_machine(write(tmp_path, "a", answers={}, commands=COMMANDS, files=files))
    probe = machine.probes([question])["q"]
    assert (probe.name, probe.answer, probe.error) == ("mps:q", answer, error)


@pytest.mark.skipif(os.name == "nt", reason="programs are scripts")
def test_recorded_commands_do_on_path_what_they_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = load_machine(write(tmp_path, "a", answers={}, commands=COMMANDS, variables={"CUDA_X": "1"}))
    variables = machine.put_on_path(tmp_path / "bin")
    assert variables["CUDA_X"] == "1"
    monkeypatch.setenv("PATH", variables["PATH"])
    questions = [
        Question(name=line, kind="command", ask=tuple(line.split()), timeout=20.0 if "hang" not in line else 1.0)
        for line in (*COMMANDS, "smi whatever")
    ]
    really = {probe.name: (probe.answer, probe.error) for probe in ask("mps", questions)}
    assert really == {probe.name: (probe.answer, probe.error) for probe in machine.probes(questions).values()}


def test_what_is_recorded_of_one_way_to_call_a_program_is_not_taken_for_another(tmp_path: Path) -> None:
    commands = {"smi -a": {"output": "a"}}
    machine = load_machine(write(tmp_path, "a", answers={}, commands=commands))
    machine.put_on_path(tmp_path / "bin")
    ended = subprocess.run([tmp_path / "bin" / "smi", "-b"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "not recorded: -b\n")
