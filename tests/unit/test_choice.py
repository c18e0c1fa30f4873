"""Which variant is taken, by what rule, and what is said of the others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from fixtures.accelerators import recorded
from lockhouse.choice import Choice, choose_variant
from lockhouse.host import AcceleratorReading, Host
from lockhouse.manifest import Manifest, PythonWish, VariantWish
from lockhouse_cpu.accelerator import CpuAccelerator
from lockhouse_cuda.accelerator import CudaAccelerator


@dataclass
class Machine:
    """A recorded machine with an NVIDIA GPU, and a manifest with these variants."""

    recording: str
    variants: tuple[str, ...]
    policies: dict[str, str] = field(default_factory=dict)

    def choose(self, override: str | None = None) -> Choice:
        machine = recorded("cuda", self.recording)
        host = machine.host_with(CpuAccelerator().read({}), machine.replay(CudaAccelerator()))
        return choose_variant(self.manifest(), host, [CpuAccelerator(), CudaAccelerator()], override)

    def manifest(self) -> Manifest:
        wishes = [VariantWish(name=name, policy=self.policies.get(name, "strict")) for name in self.variants]  # type: ignore[arg-type]
        return Manifest(name="m", python=PythonWish(version="3.11"), stages=(), variants=tuple(wishes))


def test_the_first_that_the_machine_supports_is_taken_and_all_are_explained() -> None:
    choice = Machine("a100-driver-550", ("cu130", "cu124", "cu118", "npu9", "cpu")).choose()
    assert (choice.variant, choice.accelerator, choice.rule) == ("cu124", "cuda", "first-supported")
    assert [(item.variant, item.supported) for item in choice.considered] == [
        ("cu130", False),
        ("cu124", True),
        ("cu118", True),
        ("npu9", False),
        ("cpu", True),
    ]
    assert choice.considered[0].reason == (
        "driver 550.54.15 supports CUDA 12.4, cu130 needs 13.0: driver 580.65.06 or newer"
    )
    assert choice.considered[3].reason == "no plugin knows this variant"


def test_strict_is_the_default_and_says_what_relaxed_would_do() -> None:
    choice = Machine("a100-driver-550", ("cu126", "cpu")).choose()
    assert choice.variant == "cpu"
    assert choice.considered[0].reason.endswith(
        "; minor-version compatibility covers cu126 on driver 550.54.15, with limits: "
        'choose it with -a cu126, or let it be with "policy": "relaxed"'
    )


def test_the_relaxed_policy_takes_what_the_vendor_says_will_do() -> None:
    machine = Machine("a100-driver-550", ("cu130", "cu126", "cpu"), {"cu126": "relaxed", "cu130": "relaxed"})
    choice = machine.choose()
    assert choice.variant == "cu126"
    assert "minor-version compatibility covers cu126" in choice.reason
    assert "policy relaxed: driver 550.54.15 supports CUDA 12.4" in choice.reason
    assert not choice.considered[0].supported


def test_a_device_that_the_choice_loses_is_named() -> None:
    choice = Machine("two-capabilities", ("cu124", "cu128")).choose()
    assert choice.variant == "cu124"
    (lost,) = choice.lost
    assert lost.startswith("device 1 (NVIDIA GeForce RTX 5090) will not be usable")
    assert Machine("two-capabilities", ("cu128",)).choose().lost == ()


@pytest.mark.parametrize(
    ("override", "variant"), [("cu130", "cu130"), ("cuda", "cu124"), ("cpu", "cpu"), ("none", "cpu")]
)
def test_an_override_is_taken_whatever_the_machine_has(override: str, variant: str) -> None:
    choice = Machine("a100-driver-550", ("cu130", "cu124", "cpu")).choose(override)
    assert (choice.variant, choice.rule) == (variant, "override")
    assert ("does not support it" in choice.reason) == (variant == "cu130")


def test_an_override_that_names_nothing_of_the_manifest_takes_nothing() -> None:
    choice = Machine("a100-driver-550", ("cu124",)).choose("rocm")
    assert (choice.variant, choice.rule) == (None, "none-fits")
    assert choice.reason == "the manifest has no variant for 'rocm'"
    assert len(choice.considered) == 1


def test_without_variants_the_machine_does_not_matter() -> None:
    machine = Machine("a100-driver-550", ())
    assert (machine.choose().variant, machine.choose().rule) == ("any", "no-variants")
    assert machine.choose("cu130").variant == "any"
    assert machine.choose("warp").variant is None


def test_an_accelerator_that_the_machine_was_not_asked_about_is_not_supported() -> None:
    machine = recorded("cuda", "a100-driver-550")
    bare: Host = replace(machine.host_with(), accelerators=(AcceleratorReading(namespace="cpu", present=True),))
    choice = choose_variant(Machine("", ("cu124",)).manifest(), bare, [CudaAccelerator()])
    assert choice.considered[0].reason == "the machine was not asked about cuda"
