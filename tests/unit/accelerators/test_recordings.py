"""Replays of recorded machines: what every source answered, and what is to be made of it."""

from __future__ import annotations

import json

import pytest

from fixtures.accelerators import BUILT_IN, MACHINES
from lockhouse.codec import decode, encode
from lockhouse.host import AcceleratorReading
from lockhouse.testing.machines import ExpectedReading, RecordedMachine


@pytest.fixture(params=MACHINES, ids=lambda machine: f"{machine.namespace}-{machine.name}")
def machine(request: pytest.FixtureRequest) -> RecordedMachine:
    found: RecordedMachine = request.param
    return found


def test_a_recorded_machine_is_read_as_expected(machine: RecordedMachine) -> None:
    reading = machine.replay(BUILT_IN[machine.namespace])
    assert ExpectedReading.of(reading) == machine.reading
    if machine.notes is not None:
        assert reading.notes == machine.notes


def test_a_recorded_machine_supports_the_expected_variants_for_the_expected_reasons(machine: RecordedMachine) -> None:
    accelerator = BUILT_IN[machine.namespace]
    reading = machine.replay(accelerator)
    host = machine.host_with(reading)
    support = {variant: accelerator.support(variant, reading, host) for variant in machine.supports}
    assert {variant: said.supported for variant, said in support.items()} == machine.supports
    assert {variant: support[variant].reason for variant in machine.reasons} == machine.reasons


def test_a_reading_can_be_kept_and_does_not_depend_on_the_machine_that_replays_it(machine: RecordedMachine) -> None:
    reading = machine.replay(BUILT_IN[machine.namespace])
    assert decode(AcceleratorReading, json.loads(json.dumps(encode(reading)))) == reading
    assert reading.fingerprint == ""


def test_a_recording_answers_questions_that_are_asked(machine: RecordedMachine) -> None:
    assert machine.supports
    assert all(BUILT_IN[machine.namespace].claims(variant) for variant in machine.supports)
    assert all((said.answer is None) != (said.error is None) for said in machine.answers.values())


@pytest.mark.parametrize("namespace", [name for name in BUILT_IN if name != "cpu"])
def test_no_answer_at_all_is_a_machine_without_a_device(namespace: str) -> None:
    assert BUILT_IN[namespace].read({}) == AcceleratorReading(namespace=namespace, present=False)
