"""Recorded machines, as authors of plugins write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lockhouse.codec import DecodeError
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
