"""Replays of recorded machines: what every source answered, and what is to be made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.contexts import host_of
from lockhouse.codec import decode, encode
from lockhouse.host import AcceleratorReading, Probe
from lockhouse_cuda.accelerator import CudaAccelerator

RECORDINGS = sorted((Path(__file__).parents[1] / "recordings" / "cuda").glob("*.json"))


def recording(name: str) -> Any:
    return json.loads(next(path for path in RECORDINGS if path.stem == name).read_text(encoding="utf-8"))


def replay(answers: dict[str, dict[str, str]]) -> AcceleratorReading:
    probes = {
        name: Probe(name=f"cuda:{name}", answer=said.get("answer"), seconds=0.1, error=said.get("error"))
        for name, said in answers.items()
    }
    return CudaAccelerator().read(probes)


@pytest.fixture(params=RECORDINGS, ids=lambda path: path.stem)
def machine(request: pytest.FixtureRequest) -> Any:
    return json.loads(request.param.read_text(encoding="utf-8"))


def test_a_recorded_machine_is_read_as_expected(machine: Any) -> None:
    reading = replay(machine["answers"])
    assert {
        "present": reading.present,
        "driver": reading.driver,
        "runtime": reading.runtime,
        "devices": [[device.name, device.memory, device.capability] for device in reading.devices],
    } == machine["reading"]
    if machine["notes"] is not None:
        assert list(reading.notes) == machine["notes"]


def test_a_recorded_machine_supports_the_expected_variants(machine: Any) -> None:
    reading = replay(machine["answers"])
    host = host_of()
    supported = {
        variant: CudaAccelerator().support(variant, reading, host).supported for variant in machine["supports"]
    }
    assert supported == machine["supports"]


def test_a_reading_can_be_kept_and_does_not_depend_on_the_machine_that_replays_it(machine: Any) -> None:
    reading = replay(machine["answers"])
    assert decode(AcceleratorReading, encode(reading)) == reading
    assert reading.fingerprint == ""


def test_no_answer_at_all_is_a_machine_without_a_gpu() -> None:
    assert replay({}) == AcceleratorReading(namespace="cuda", present=False)


@pytest.mark.parametrize("missing", ["nvml", "libcuda", "nvidia-smi", "surroundings", "kernel-module", "kernel-driver"])
def test_any_one_source_can_be_missing(missing: str) -> None:
    answers = recording("h200-driver-580")["answers"]
    answers[missing] = {"error": "no answer within 10 s; stopped"}
    reading = replay(answers)
    assert (reading.present, reading.driver, reading.runtime) == (True, "580.95.05", "13.0")
    assert [device.name for device in reading.devices] == ["NVIDIA H200"]


@pytest.mark.parametrize("answer", ["[" * 60000, "9" * 60000, '{"devices": [{"name": "\\ud800"}]}', "null", "NaN"])
def test_answers_made_to_break_parsers_break_nothing(answer: str) -> None:
    reading = replay({name: {"answer": answer} for name in recording("garbage")["answers"]})
    assert decode(AcceleratorReading, encode(reading)) == reading
    json.dumps(encode(reading), ensure_ascii=False).encode()


def test_contradicting_driver_versions_are_told() -> None:
    answers = recording("h200-driver-580")["answers"]
    answers["kernel-module"] = {"answer": "570.124.06\n"}
    (note,) = replay(answers).notes
    assert note.startswith("driver versions differ (NVML says 580.95.05, nvidia-smi says 580.95.05, the kernel module")


def test_a_reason_names_what_is_lacking_and_the_way_around_it() -> None:
    reading = replay(recording("a100-driver-550")["answers"])
    reason = CudaAccelerator().support("cu126", reading, host_of()).reason
    assert reason == (
        "driver 550.54.15 supports CUDA 12.4, cu126 needs 12.6; "
        "minor-version compatibility covers it, with limits: choose it with -a cu126"
    )
    assert "minor-version" not in CudaAccelerator().support("cu130", reading, host_of()).reason


def test_a_device_that_a_choice_would_lose_is_named() -> None:
    reading = replay(recording("two-capabilities")["answers"])
    support = CudaAccelerator().support("cu124", reading, host_of())
    assert support.supported
    assert (
        "device 1 (NVIDIA GeForce RTX 5090) will not be usable: compute capability 12.0 needs CUDA 12.8"
        in support.reason
    )
    assert "will not" not in CudaAccelerator().support("cu128", reading, host_of()).reason


def test_the_reason_for_an_absent_gpu_says_what_the_machine_showed() -> None:
    reading = replay(recording("container-without-access")["answers"])
    reason = CudaAccelerator().support("cu124", reading, host_of()).reason
    assert "no usable NVIDIA GPU was found; the kernel has NVIDIA's driver 550.54.15" in reason
