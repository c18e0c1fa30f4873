"""The programs that ask about AMD GPUs, run for real: against a library that stands in for HIP's, and without."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fixtures.drivers import HIP, build, needs_stand_ins
from lockhouse.host import AcceleratorReading
from lockhouse.probing import ask
from lockhouse_rocm.accelerator import RocmAccelerator


def reading(monkeypatch: pytest.MonkeyPatch, folder: Path) -> AcceleratorReading:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    rocm = RocmAccelerator()
    questions = rocm.questions()
    probes = ask("rocm", questions)
    return rocm.read({question.name: probe for question, probe in zip(questions, probes, strict=True)})


@needs_stand_ins
def test_hip_names_devices_whose_targets_others_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, "libamdhip64.so", HIP)
    program = tmp_path / "rocm_agent_enumerator"
    program.write_text("#!/bin/sh\necho gfx000\necho gfx90a\necho gfx90a\n", encoding="utf-8")
    program.chmod(0o755)
    found = reading(monkeypatch, tmp_path)
    assert [(item.name, item.memory, item.capability) for item in found.devices] == [
        ("AMD Instinct MI210", 68702699520, "gfx90a"),
        ("AMD Instinct MI210", None, "gfx90a"),
    ]


@needs_stand_ins
def test_a_hip_that_cannot_be_initialised_shows_no_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, "libamdhip64.so", HIP, initialised=3)
    found = reading(monkeypatch, tmp_path)
    assert not found.present
    assert "HIP cannot be initialised: 3" in found.notes


def test_variables_that_hide_or_disguise_devices_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "")
    monkeypatch.setenv("HSA_OVERRIDE_GFX_VERSION_1", "10.3.0")
    monkeypatch.setenv("HSA_ENABLE_SDMA", "0")
    (question,) = (item for item in RocmAccelerator().questions() if item.name == "surroundings")
    (probe,) = ask("rocm", [question])
    told = json.loads(probe.answer or "")
    assert told["variables"] == {"HIP_VISIBLE_DEVICES": "", "HSA_OVERRIDE_GFX_VERSION_1": "10.3.0"}
    assert told["kfd"] in ("open", "denied", "missing")
