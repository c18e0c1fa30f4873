"""AMD GPUs as lockhouse sees them: which variants a machine can run, where they come from, how they are proven."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockhouse import traces
from lockhouse.accelerators import Question, Support
from lockhouse.host import AcceleratorReading, Device, Host, Probe
from lockhouse.manifest import Check
from lockhouse_pytorch import index
from lockhouse_rocm.tables import minor, releases

__all__ = ["RocmAccelerator"]

VARIANT = re.compile(r"rocm(\d{1,2}\.\d{1,2}(?:\.\d{1,2})?)")


@dataclass(frozen=True, slots=True)
class RocmAccelerator:
    """AMD GPUs. Variants are ``rocm6.2``, ``rocm6.2.4``: the ROCm release that PyTorch's builds were made with."""

    namespace: str = "rocm"

    @property
    def family(self) -> frozenset[str]:
        """What PyTorch publishes on its index for ROCm."""
        return index.family()

    @property
    def labelled(self) -> frozenset[str]:
        """Those whose builds carry the variant as label."""
        return index.labelled("rocm")

    def questions(self) -> Sequence[Question]:
        """Ask the kernel, AMD's tools, the HIP runtime, and what explains their answers."""
        from lockhouse_rocm.questions import questions

        return questions()

    def fingerprint(self) -> str:
        """Look at the files that come with driver and devices; a few look-ups."""
        if sys.platform != "linux":
            return "none"
        return "|".join(
            (
                traces.contents(("/sys/module/amdgpu/version", "/sys/class/kfd/kfd/topology/generation_id")),
                traces.listing("/dev", "kfd"),
                traces.listing("/dev", "dxg"),
                traces.listing("/dev/dri", "renderD*"),
                traces.listing("/opt", "rocm*"),
                traces.libraries(("libamdhip64.so",)),
                traces.programs(("rocminfo", "amd-smi", "rocm-smi", "rocm_agent_enumerator")),
            )
        )

    def read(self, answers: Mapping[str, Probe]) -> AcceleratorReading:
        """Make sense of the answers."""
        from lockhouse_rocm.reading import read

        return read(answers)

    def claims(self, variant: str) -> bool:
        """Claim ``rocm`` and a release."""
        return VARIANT.fullmatch(variant) is not None

    def support(self, variant: str, reading: AcceleratorReading, host: Host) -> Support:
        """Compare the release that the driver came with, and the devices' targets with what builds have code for.

        AMD supports a user space on drivers that are up to two releases older, without limits. The driver that is part
        of the kernel has no version: there the kernel decides which devices it offers, and the check shows whether the
        build runs on them.
        """
        wanted = _rocm(variant)
        if (host.system, host.machine) != ("Linux", "x86_64"):
            return Support(supported=False, reason="PyTorch publishes builds for ROCm for Linux on x86-64 only")
        if not reading.present:
            return Support(supported=False, reason="; ".join(("no usable AMD GPU was found", *reading.notes)))
        lost, usable = _judged(wanted, reading)
        if not usable:
            return Support(supported=False, reason="; ".join(dict.fromkeys(why for _, why in lost)))
        named = tuple(f"device {device.index} ({device.name}) will not be usable: {why}" for device, why in lost)
        names = ", ".join(dict.fromkeys(device.name for device in usable))
        if reading.driver is None:
            reason = f"{names}, driver of the kernel itself, whose age only the check can judge"
            return Support(supported=True, reason="; ".join((reason, *named)), lost=named)
        came = f"came with ROCm {reading.runtime}" if reading.runtime else "is older than any release that is known"
        reason = f"driver {reading.driver} {came}"
        if releases().fits(reading.driver, wanted):
            return Support(supported=True, reason="; ".join((f"{names}, {reason}", *named)), lost=named)
        reason += f", too old for {variant}"
        if oldest := releases().oldest_driver(wanted):
            reason += f": driver {oldest} or newer is needed"
        return Support(supported=False, reason=reason, lost=named)

    def variants(self, reading: AcceleratorReading, host: Host) -> Sequence[str]:
        """Those that PyTorch publishes builds for and that the machine supports, the newest first."""
        from lockhouse_pytorch.builds import variants_by

        return [name for name in variants_by("rocm") if self.support(name, reading, host).supported]

    def index_url(self, variant: str) -> str | None:
        """Address of PyTorch's index of the variant."""
        return index.index_url(variant)

    def label(self, variant: str, host: Host) -> str | None:
        """The variant's own name."""
        return variant

    def checks(self, variant: str, reading: AcceleratorReading) -> Sequence[Check]:
        """One check: torch, if the environment has it, is the variant's build and computes on every device."""
        from lockhouse_pytorch.check import Expected, torch_check
        from lockhouse_rocm.reading import HIDING

        wanted = _rocm(variant)
        devices = [
            Expected(name=_runtime_name(device), capability=device.capability, lost=_objection(wanted, device))
            for device in reading.devices
        ]
        hiding = dict.fromkeys(HIDING, ("", "-1"))
        return (torch_check("rocm", devices, backend="hip", build=minor(wanted), hiding=hiding),)

    def build_settings(self, distribution: str, variant: str, reading: AcceleratorReading) -> Mapping[str, str]:
        """Variables by which source builds are told to use ROCm, for the devices that are there or else for all."""
        wanted = _rocm(variant)
        _, usable = _judged(wanted, reading)
        targets = ";".join(sorted({device.capability for device in usable if device.capability}))
        targets = targets or ";".join(releases().targets.get(wanted) or releases().targets.get(minor(wanted), ()))
        settings = {"ROCM_PATH": folder, "HIP_PATH": folder} if (folder := _folder(wanted, reading)) else {}
        settings["HIP_PLATFORM"] = "amd"
        if distribution == "llama-cpp-python":
            flags = ["-DGGML_HIP=on"]
            if targets:
                # The name of the setting changed; the one that is not known is passed over with a warning.
                flags += [f"-DAMDGPU_TARGETS={targets}", f"-DGPU_TARGETS={targets}"]
            settings |= {"CMAKE_ARGS": " ".join(flags), "FORCE_CMAKE": "1"}
            if folder:
                settings["HIPCXX"] = f"{folder}/llvm/bin/clang"
            return settings
        settings["FORCE_CUDA"] = "1"  # extensions of torch ask for this, whatever the GPU
        if targets:
            settings["PYTORCH_ROCM_ARCH"] = targets
        return settings


def _rocm(variant: str) -> str:
    """``6.2.4`` of ``rocm6.2.4``."""
    found = VARIANT.fullmatch(variant)
    if found is None:
        raise ValueError(f"{variant} is no ROCm variant")
    return found[1]


def _judged(rocm: str, reading: AcceleratorReading) -> tuple[list[tuple[Device, str]], list[Device]]:
    """Part the devices into those that builds have no code for, with the reason, and the others."""
    lost = [(device, why) for device in reading.devices if (why := _objection(rocm, device))]
    return lost, [device for device in reading.devices if _objection(rocm, device) is None]


def _objection(rocm: str, device: Device) -> str | None:
    return releases().objection(rocm, device.capability) if device.capability else None


def _runtime_name(device: Device) -> str | None:
    """The name that torch will have, unless it is one that a tool made up: ``Navi 31 [Radeon RX 7900 XT/7900 XTX]``."""
    from lockhouse_rocm.reading import PLACEHOLDER

    made_up = device.name == PLACEHOLDER or "[" in device.name or "/" in device.name
    return None if made_up else device.name


def _folder(rocm: str, reading: AcceleratorReading) -> str | None:
    """Where that release of ROCm is installed."""
    return next((folder for version, folder in reading.toolkits.items() if minor(version) == minor(rocm)), None)
