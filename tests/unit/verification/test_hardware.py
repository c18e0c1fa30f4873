"""The hardware of a proof, and what has changed since."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.contexts import host_of
from fixtures.values import TARGET, plan_of, planned
from lockhouse.evidence import Hardware
from lockhouse.host import AcceleratorReading, Device, Host
from lockhouse.manifest import Check
from lockhouse.plan import Plan
from lockhouse.verification.asking import why_skipped
from lockhouse.verification.hardware import hardware_changes, hardware_of

GPU = Device(index=0, name="Test GPU", memory=1 << 34, capability="9.0")
CUDA = AcceleratorReading(namespace="cuda", present=True, driver="550.54", runtime="12.4", devices=(GPU,))
CPU = AcceleratorReading(namespace="cpu", present=True)


def host(*readings: AcceleratorReading) -> Host:
    bare = host_of()
    values = {name: getattr(bare, name) for name in bare.__dataclass_fields__}
    return Host(**{**values, "accelerators": readings})


def plan(variant: str, accelerator: str | None) -> Plan:
    return plan_of(planned("alpha"), target=replace(TARGET, variant=variant, accelerator=accelerator))


def test_hardware_is_that_of_the_variants_accelerator() -> None:
    assert hardware_of(plan("cu124", "cuda"), host(CPU, CUDA)) == Hardware(
        accelerator="cuda", driver="550.54", runtime="12.4", devices=(GPU,)
    )
    assert hardware_of(plan("cu124", "cuda"), host(CPU)) == Hardware(accelerator="cuda")
    assert hardware_of(plan("cu124", "cuda"), host(replace(CUDA, present=False))) == Hardware(accelerator="cuda")
    assert hardware_of(plan("any", None), host(CPU, CUDA)) == Hardware(accelerator=None)


def test_changes_are_told_with_both_values() -> None:
    before = hardware_of(plan("cu124", "cuda"), host(CUDA))
    newer = hardware_of(plan("cu124", "cuda"), host(replace(CUDA, driver="580.1", devices=())))

    assert list(hardware_changes(before, before)) == []
    assert list(hardware_changes(before, newer)) == [
        "driver: 550.54 then, 580.1 now",
        "devices: Test GPU (9.0, 17.2 GB) then, none now",
    ]


@pytest.mark.parametrize(
    ("device", "told"),
    [
        (replace(GPU, name="Other GPU"), "Other GPU (9.0, 17.2 GB) now"),
        (replace(GPU, capability="8.0"), "Test GPU (8.0, 17.2 GB) now"),
        (replace(GPU, memory=1 << 33), "Test GPU (9.0, 8.6 GB) now"),
        (replace(GPU, memory=None, capability=None), "Test GPU now"),
    ],
)
def test_another_device_is_told_whatever_tells_it_apart(device: Device, told: str) -> None:
    before, now = (hardware_of(plan("cu124", "cuda"), host(replace(CUDA, devices=(item,)))) for item in (GPU, device))
    (change,) = hardware_changes(before, now)
    assert change == f"devices: Test GPU (9.0, 17.2 GB) then, {told}"


def test_a_second_device_and_one_that_is_gone_are_told() -> None:
    one, two = (hardware_of(plan("cu124", "cuda"), host(replace(CUDA, devices=(GPU,) * n))) for n in (1, 2))
    assert list(hardware_changes(one, two)) == [
        "devices: Test GPU (9.0, 17.2 GB) then, Test GPU (9.0, 17.2 GB), Test GPU (9.0, 17.2 GB) now"
    ]


def test_memory_that_is_the_machines_own_may_change() -> None:
    inside = replace(GPU, integrated=True)
    now = replace(inside, memory=(1 << 34) - 4096)
    one, two = (hardware_of(plan("cu124", "cuda"), host(replace(CUDA, devices=(item,)))) for item in (inside, now))
    assert list(hardware_changes(one, two)) == []


@pytest.mark.parametrize(
    ("requires", "variant", "accelerator", "readings", "reason"),
    [
        (None, "cpu", "cpu", (), None),
        ("cuda", "cu124", "cuda", (CUDA,), None),
        ("cuda", "any", None, (CUDA,), None),
        ("cuda", "cpu", "cpu", (CUDA,), "built for cpu, not for cuda"),
        ("cuda", "cu124", "cuda", (replace(CUDA, present=False),), "no cuda device on this machine"),
        ("cuda", "any", None, (CPU,), "no plugin knows the accelerator cuda"),
    ],
)
def test_a_check_is_skipped_where_it_can_prove_nothing(
    requires: str | None,
    variant: str,
    accelerator: str | None,
    readings: tuple[AcceleratorReading, ...],
    reason: str | None,
) -> None:
    check = Check(name="c", run="pass", requires=requires)

    found = why_skipped(check, plan(variant, accelerator), host(*readings))

    assert (found is None) == (reason is None)
    assert (reason or "") in (found or "")
