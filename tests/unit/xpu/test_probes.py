"""The programs that ask about Intel GPUs, run for real, against a library that stands in for Level Zero."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fixtures.drivers import LEVEL_ZERO, build, needs_stand_ins
from lockhouse.host import AcceleratorReading
from lockhouse.probing import ask
from lockhouse_xpu.accelerator import XpuAccelerator


def reading(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AcceleratorReading:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    xpu = XpuAccelerator()
    questions = xpu.questions()
    probes = ask("xpu", questions)
    return xpu.read({question.name: probe for question, probe in zip(questions, probes, strict=True)})


@needs_stand_ins
def test_level_zero_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, "libze_loader.so.1", LEVEL_ZERO)
    found = reading(tmp_path, monkeypatch)
    assert (found.present, found.driver) == (True, "1.6.32224")
    assert [(item.name, item.memory, item.capability, item.integrated) for item in found.devices] == [
        ("Intel(R) Arc(TM) A770 Graphics", 16 << 30, "12.55.8", False),
        ("Intel(R) Graphics", 16 << 30, None, True),
    ]


@needs_stand_ins
def test_a_loader_without_a_driver_shows_no_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, "libze_loader.so.1", LEVEL_ZERO, initialised=0x78000001)
    found = reading(tmp_path, monkeypatch)
    assert not found.present
    assert found.notes[0] == "Level Zero cannot be initialised: 0x78000001 (no driver for a GPU is installed)"


@needs_stand_ins
def test_a_loader_that_crashes_costs_its_own_answer_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, "libze_loader.so.1", LEVEL_ZERO.replace("{ return flags", "{ return *(volatile int *)0 + flags"))
    program = tmp_path / "sycl-ls"
    line = "[level_zero:gpu][level_zero:0] Intel(R) Level-Zero, Intel(R) Arc(TM) A380 Graphics 12.56.5 [1.3.29735]"
    program.write_text(f"#!/bin/sh\necho '{line}'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = reading(tmp_path, monkeypatch)
    assert (found.present, found.driver) == (True, "1.3.29735")
    assert [(item.name, item.capability) for item in found.devices] == [("Intel(R) Arc(TM) A380 Graphics", "12.56.5")]


def test_what_the_system_shows_is_told_as_one_object() -> None:
    (question,) = (item for item in XpuAccelerator().questions() if item.name == "surroundings")
    (probe,) = ask("xpu", [question])
    assert json.loads(probe.answer or "").keys() == {"variables", "render", "pci", "wsl"}
