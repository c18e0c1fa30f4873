"""The programs that ask the driver, run for real against libraries that stand in for NVIDIA's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.drivers import CUDA, NVML, build, needs_stand_ins
from lockhouse.host import AcceleratorReading
from lockhouse.probing import ask
from lockhouse_cuda.accelerator import CudaAccelerator

pytestmark = needs_stand_ins


def reading(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AcceleratorReading:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    cuda = CudaAccelerator()
    questions = cuda.questions()
    probes = ask("cuda", questions)
    return cuda.read({question.name: probe for question, probe in zip(questions, probes, strict=True)})


def test_nvml_and_libcuda_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, "libnvidia-ml.so.1", NVML)
    build(tmp_path, "libcuda.so.1", CUDA)
    found = reading(tmp_path, monkeypatch)
    assert (found.present, found.driver, found.runtime) == (True, "580.95.05", "13.0")
    assert [(device.index, device.name, device.memory, device.capability) for device in found.devices] == [
        (0, "NVIDIA H200", 150754820096, "9.0"),
        (2, "NVIDIA H200", 150754820096, "9.0"),
    ]
    assert found.notes == (
        "NVML: device 1 cannot be used: GPU is lost",
        "device 2 (NVIDIA H200) is partitioned (MIG): a program sees one part of it",
    )


def test_libcuda_alone_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, "libcuda.so.1", CUDA)
    found = reading(tmp_path, monkeypatch)
    assert (found.present, found.driver, found.runtime) == (True, None, "13.0")
    assert [(device.memory, device.capability) for device in found.devices] == [(150000000000, "9.0")] * 2


def test_libraries_that_cannot_be_initialised_show_no_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, "libnvidia-ml.so.1", NVML, initialised=9)
    build(tmp_path, "libcuda.so.1", CUDA, initialised=999)
    found = reading(tmp_path, monkeypatch)
    assert not found.present
    assert found.notes[0].startswith("libcuda cannot be initialised: 999")


def test_a_library_that_crashes_costs_its_own_answer_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, "libnvidia-ml.so.1", NVML.replace("{ return INIT; }", "{ return *(volatile int *)0; }"))
    build(tmp_path, "libcuda.so.1", CUDA)
    assert reading(tmp_path, monkeypatch).present


def test_the_variables_that_hide_devices_are_part_of_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path, "libnvidia-ml.so.1", NVML)
    build(tmp_path, "libcuda.so.1", CUDA, initialised=100)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    found = reading(tmp_path, monkeypatch)
    assert found.present
    assert "CUDA_VISIBLE_DEVICES='' lets programs started from here see 0 of 2 devices" in found.notes


def test_nvidia_smi_is_asked_through_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "nvidia-smi"
    script.write_text('#!/bin/sh\necho "0, NVIDIA A100, 550.54.15, 8.0, 81920"\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    build(tmp_path, "libcuda.so.1", CUDA, initialised=999)
    found = reading(tmp_path, monkeypatch)
    assert (found.driver, found.devices[0].name, found.devices[0].memory) == ("550.54.15", "NVIDIA A100", 81920 << 20)
