"""What is made of the answers about NVIDIA GPUs, where sources are missing, contradict each other or are garbage."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fixtures.accelerators import recorded
from fixtures.contexts import host_of
from lockhouse.codec import decode, encode
from lockhouse.host import AcceleratorReading
from lockhouse.testing.machines import RecordedAnswer
from lockhouse_cuda.accelerator import CudaAccelerator


def replay(name: str, **answers: RecordedAnswer) -> AcceleratorReading:
    """Read a recorded machine, some of whose sources said something else."""
    machine = recorded("cuda", name)
    return replace(machine, answers={**machine.answers, **answers}).replay(CudaAccelerator())


@pytest.mark.parametrize("missing", ["nvml", "libcuda", "nvidia-smi", "surroundings", "kernel-module", "kernel-driver"])
def test_any_one_source_can_be_missing(missing: str) -> None:
    reading = replay("h200-driver-580", **{missing: RecordedAnswer(error="no answer within 10 s; stopped")})
    assert (reading.present, reading.driver, reading.runtime) == (True, "580.95.05", "13.0")
    assert [device.name for device in reading.devices] == ["NVIDIA H200"]


@pytest.mark.parametrize("answer", ["[" * 60000, "9" * 60000, '{"devices": [{"name": "\\ud800"}]}', "null", "NaN"])
def test_answers_made_to_break_parsers_break_nothing(answer: str) -> None:
    names = recorded("cuda", "garbage").answers
    reading = replay("garbage", **{name: RecordedAnswer(answer=answer) for name in names})
    assert decode(AcceleratorReading, encode(reading)) == reading
    json.dumps(encode(reading), ensure_ascii=False).encode()


def test_contradicting_driver_versions_are_told() -> None:
    (note,) = replay("h200-driver-580", **{"kernel-module": RecordedAnswer(answer="570.124.06\n")}).notes
    assert note.startswith("driver versions differ (NVML says 580.95.05, nvidia-smi says 580.95.05, the kernel module")


def test_a_reason_names_what_is_lacking_and_the_way_around_it() -> None:
    reading = replay("a100-driver-550")
    support = CudaAccelerator().support("cu126", reading, host_of())
    assert support.reason == "driver 550.54.15 supports CUDA 12.4, cu126 needs 12.6: driver 560.28.03 or newer"
    assert support.relaxed == "minor-version compatibility covers cu126 on driver 550.54.15, with limits"
    assert CudaAccelerator().support("cu130", reading, host_of()).relaxed is None


def test_a_device_that_a_choice_would_lose_is_named() -> None:
    reading = replay("two-capabilities")
    support = CudaAccelerator().support("cu124", reading, host_of())
    assert support.supported
    (lost,) = support.lost
    assert (
        lost
        == "device 1 (NVIDIA GeForce RTX 5090) will not be usable: compute capability 12.0 needs CUDA 12.8 or newer"
    )
    assert lost in support.reason
    assert CudaAccelerator().support("cu128", reading, host_of()).lost == ()


def test_the_reason_for_an_absent_gpu_says_what_the_machine_showed() -> None:
    reading = replay("container-without-access")
    reason = CudaAccelerator().support("cu124", reading, host_of()).reason
    assert "no usable NVIDIA GPU was found; the kernel has NVIDIA's driver 550.54.15" in reason
