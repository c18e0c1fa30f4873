"""Intel GPUs as lockhouse sees them: which variants a machine can run, where they come from, how they are proven."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockhouse import traces
from lockhouse.accelerators import Question, Support
from lockhouse.host import AcceleratorReading, Device, Host, Probe
from lockhouse.manifest import Check
from lockhouse_pytorch import index
from lockhouse_pytorch.versions import parse
from lockhouse_xpu.tables import hardware

__all__ = ["XpuAccelerator"]

PLATFORMS = (("Linux", "x86_64"), ("Windows", "AMD64"))
TRACES = (
    "/usr/lib/x86_64-linux-gnu/libze_loader.so.1",
    "/usr/lib/x86_64-linux-gnu/libze_intel_gpu.so.1",
    "/usr/lib64/libze_loader.so.1",
    "/usr/lib64/libze_intel_gpu.so.1",
    "/dev/dxg",
    "C:/Windows/System32/ze_loader.dll",
)
"""Files that come, go or change with a driver."""

CHOOSING: Mapping[str, Sequence[str]] = {"ZE_AFFINITY_MASK": (), "ONEAPI_DEVICE_SELECTOR": ()}
"""Variables that choose devices; none of their values hides all."""


@dataclass(frozen=True, slots=True)
class XpuAccelerator:
    """Intel GPUs. There is one variant, ``xpu``: its builds bring the runtime of oneAPI along."""

    namespace: str = "xpu"

    @property
    def family(self) -> frozenset[str]:
        """What PyTorch publishes on its index for Intel GPUs."""
        return index.family()

    @property
    def labelled(self) -> frozenset[str]:
        """Those whose builds carry the label ``xpu``."""
        return index.labelled("xpu")

    def questions(self) -> Sequence[Question]:
        """Ask Level Zero, sycl-ls, xpu-smi, and what explains their answers."""
        from lockhouse_xpu.questions import questions

        return questions()

    def fingerprint(self) -> str:
        """Look at the files that come with driver and devices; a few look-ups."""
        return "|".join(
            (
                traces.files(TRACES),
                traces.libraries(("libze_loader.so.1", "libze_intel_gpu.so.1")),
                traces.listing("/dev/dri", "renderD*") if sys.platform == "linux" else "",
                traces.programs(("sycl-ls", "xpu-smi")),
            )
        )

    def read(self, answers: Mapping[str, Probe]) -> AcceleratorReading:
        """Make sense of the answers."""
        from lockhouse_xpu.reading import read

        return read(answers)

    def claims(self, variant: str) -> bool:
        """Claim ``xpu`` and nothing else."""
        return variant == "xpu"

    def support(self, variant: str, reading: AcceleratorReading, host: Host) -> Support:
        """Look at platform and devices; Intel names no oldest driver, so the check shows whether it will do."""
        if (host.system, host.machine) not in PLATFORMS:
            return Support(
                supported=False, reason="PyTorch publishes builds for Intel GPUs for x86-64 Linux and Windows"
            )
        if not reading.present:
            return Support(supported=False, reason="; ".join(("no usable Intel GPU was found", *reading.notes)))
        lost, usable = _judged(reading)
        named = tuple(f"device {device.index} ({device.name}) will not be usable: {why}" for device, why in lost)
        if not usable:
            return Support(supported=False, reason="; ".join(f"{device.name}: {why}" for device, why in lost))
        names = ", ".join(dict.fromkeys(device.name for device in usable))
        driver = f"Level Zero driver {reading.driver or 'of unknown version'}"
        return Support(supported=True, reason="; ".join((f"{names}, {driver}", *named)), lost=named)

    def variants(self, reading: AcceleratorReading, host: Host) -> Sequence[str]:
        """Those that PyTorch publishes builds for and that the machine supports, the newest first."""
        from lockhouse_pytorch.builds import variants_by

        return [name for name in variants_by("xpu") if self.support(name, reading, host).supported]

    def index_url(self, variant: str) -> str | None:
        """Address of PyTorch's index of builds for Intel GPUs."""
        return index.index_url(variant)

    def label(self, variant: str, host: Host) -> str | None:
        """The variant's own name."""
        return variant

    def checks(self, variant: str, reading: AcceleratorReading) -> Sequence[Check]:
        """One check: torch, if the environment has it, is a build for Intel GPUs and computes on every device."""
        from lockhouse_pytorch.check import Expected, torch_check

        discrete = any(not device.integrated for device in reading.devices)
        devices = []
        for device in reading.devices:
            lost = hardware().objection(device.name, device.capability)
            if lost is None and device.integrated and discrete:
                lost = "torch leaves out GPUs that are part of the processor where there are others"
            devices.append(Expected(name=device.name, capability=device.capability, lost=lost))
        return (torch_check("xpu", devices, backend="xpu", hiding=CHOOSING),)

    def build_settings(self, distribution: str, variant: str, reading: AcceleratorReading) -> Mapping[str, str]:
        """Variables by which source builds are told to use SYCL and Intel's compilers."""
        newest = max(reading.toolkits, key=parse, default=None)
        folder = f"{reading.toolkits[newest]}/bin/" if newest else ""
        compilers = {"CC": f"{folder}icx", "CXX": f"{folder}icpx"}
        if distribution == "llama-cpp-python":
            flags = ["-DGGML_SYCL=on", f"-DCMAKE_C_COMPILER={folder}icx", f"-DCMAKE_CXX_COMPILER={folder}icpx"]
            return {**compilers, "CMAKE_ARGS": " ".join(flags), "FORCE_CMAKE": "1"}
        return {**compilers, "USE_XPU": "1"}


def _judged(reading: AcceleratorReading) -> tuple[list[tuple[Device, str]], list[Device]]:
    """Part the devices into those that are too old, with the reason, and the others."""
    lost, usable = [], []
    for device in reading.devices:
        why = hardware().objection(device.name, device.capability)
        if why is None:
            usable.append(device)
        else:
            lost.append((device, why))
    return lost, usable
