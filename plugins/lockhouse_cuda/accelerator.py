"""NVIDIA GPUs as lockhouse sees them: which variants a machine can run, where they come from, how they are proven."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockhouse import traces
from lockhouse.accelerators import Question, Support
from lockhouse.host import AcceleratorReading, Device, Host, Probe
from lockhouse.manifest import Check
from lockhouse_cuda.tables import toolkits
from lockhouse_pytorch import index
from lockhouse_pytorch.versions import parse

__all__ = ["CudaAccelerator"]

VARIANT = re.compile(r"cu(\d{1,2})(\d)")
TRACES = (
    "/sys/module/nvidia/version",
    "/usr/lib/wsl/lib/libcuda.so.1",
    "/usr/lib/wsl/lib/libnvidia-ml.so.1",
    "/dev/dxg",
    "/dev/nvidiactl",
    "/etc/nv_tegra_release",
    "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
    "/usr/lib/aarch64-linux-gnu/libcuda.so.1",
    "/usr/lib64/libcuda.so.1",
    "/usr/lib/libcuda.so.1",
    "/usr/local/nvidia/lib64/libcuda.so.1",
    "C:/Windows/System32/nvcuda.dll",
)
"""Files that come, go or change with a driver."""

LIBRARIES = ("libcuda.so.1", "libnvidia-ml.so.1")

HIDING = {"CUDA_VISIBLE_DEVICES": ("", "-1", "NoDevFiles")}
"""Values by which a shell hides every device; other values choose some."""


@dataclass(frozen=True, slots=True)
class CudaAccelerator:
    """NVIDIA GPUs. Variants are ``cu118``, ``cu130``: the CUDA version that PyTorch's builds were made with."""

    namespace: str = "cuda"

    @property
    def family(self) -> frozenset[str]:
        """What PyTorch publishes on its index for CUDA."""
        return index.family()

    @property
    def labelled(self) -> frozenset[str]:
        """Those whose builds carry the variant as label."""
        return index.labelled("cuda")

    def questions(self) -> Sequence[Question]:
        """Ask NVML, libcuda, nvidia-smi, the kernel, and what explains their answers."""
        from lockhouse_cuda.questions import questions

        return questions()

    def fingerprint(self) -> str:
        """Look at the files that come with driver and devices; a few look-ups."""
        linux = sys.platform == "linux"
        return "|".join(
            (
                traces.files(TRACES),
                traces.libraries(LIBRARIES),
                traces.contents(("/sys/module/nvidia/version",)),
                traces.listing("/dev", "nvidia[0-9]*") if linux else "",
                traces.listing("/usr/local", "cuda*") if linux else "",
                traces.programs(("nvidia-smi",)),
            )
        )

    def read(self, answers: Mapping[str, Probe]) -> AcceleratorReading:
        """Make sense of the answers."""
        from lockhouse_cuda.reading import read

        return read(answers)

    def claims(self, variant: str) -> bool:
        """Claim ``cu`` and two or three digits."""
        return VARIANT.fullmatch(variant) is not None

    def support(self, variant: str, reading: AcceleratorReading, host: Host) -> Support:
        """Compare the driver's own CUDA version with the variant's, and the devices with what the toolkit builds for.

        NVIDIA's minor-version compatibility would often allow more, "with limited feature-set": that is the relaxed
        policy.
        """
        from lockhouse_cuda.reading import DRIVER_OF_WINDOWS

        wanted = _cuda(variant)
        if not reading.present:
            return Support(supported=False, reason=_absence(reading))
        if reading.runtime is None:
            return Support(supported=False, reason="nobody could tell which CUDA version the driver supports")
        lost, usable = _judged(wanted, reading)
        if not usable:
            return Support(supported=False, reason="; ".join(dict.fromkeys(why for _, why in lost)))
        named = tuple(f"device {device.index} ({device.name}) will not be usable: {why}" for device, why in lost)
        driver = f"driver {reading.driver or 'of unknown version'}"
        reason = f"{driver} supports CUDA {reading.runtime}"
        if parse(reading.runtime) >= parse(wanted):
            names = ", ".join(dict.fromkeys(device.name for device in usable))
            return Support(supported=True, reason="; ".join((f"{names}, {reason}", *named)), lost=named)
        system = "windows" if host.system == "Windows" or DRIVER_OF_WINDOWS in reading.notes else "linux"
        reason += f", {variant} needs {wanted}"
        if newer := toolkits().shipped_with(wanted, system):
            reason += f": driver {newer} or newer"
        relaxed = None
        if reading.driver and toolkits().minor_compatible(reading.driver, wanted, system):
            relaxed = f"minor-version compatibility covers {variant} on driver {reading.driver}, with limits"
        return Support(supported=False, reason=reason, lost=named, relaxed=relaxed)

    def variants(self, reading: AcceleratorReading, host: Host) -> Sequence[str]:
        """Those that PyTorch publishes builds for and that the machine supports, the newest first."""
        from lockhouse_pytorch.builds import variants_by

        return [name for name in variants_by("cuda") if self.support(name, reading, host).supported]

    def index_url(self, variant: str) -> str | None:
        """Address of PyTorch's index of the variant."""
        return index.index_url(variant)

    def label(self, variant: str, host: Host) -> str | None:
        """The variant's own name."""
        return variant

    def checks(self, variant: str, reading: AcceleratorReading) -> Sequence[Check]:
        """One check: torch, if the environment has it, is the variant's build and computes on every device."""
        from lockhouse_cuda.reading import PARTITIONED
        from lockhouse_pytorch.check import Expected, torch_check

        wanted = _cuda(variant)
        devices = [
            Expected(name=device.name, capability=device.capability, lost=_objection(wanted, device))
            for device in reading.devices
        ]
        # CUDA shows a program one part of one partitioned device, whatever else there is.
        limits = [PARTITIONED] if any(PARTITIONED in note for note in reading.notes) else []
        return (torch_check("cuda", devices, backend="cuda", build=wanted, hiding=HIDING, limits=limits),)

    def build_settings(self, distribution: str, variant: str, reading: AcceleratorReading) -> Mapping[str, str]:
        """Variables by which source builds are told to use CUDA, for the devices that are there or else for all."""
        wanted = _cuda(variant)
        _, usable = _judged(wanted, reading)
        capabilities = sorted({device.capability for device in usable if device.capability}, key=parse)
        forward = "" if capabilities else "+PTX"  # for what is newer than the toolkit
        capabilities = capabilities or list(toolkits().targets(wanted))
        settings = {}
        if folder := reading.toolkits.get(wanted):
            settings = {"CUDA_HOME": folder, "CUDACXX": f"{folder}/bin/nvcc"}
        if distribution == "llama-cpp-python":
            numbers = ";".join(capability.replace(".", "") for capability in capabilities)
            flags = f"-DGGML_CUDA=on -DCMAKE_CUDA_ARCHITECTURES={numbers}"
            return {**settings, "CMAKE_ARGS": flags, "FORCE_CMAKE": "1"}
        return {**settings, "FORCE_CUDA": "1", "TORCH_CUDA_ARCH_LIST": ";".join(capabilities) + forward}


def _cuda(variant: str) -> str:
    """``12.4`` of ``cu124``."""
    found = VARIANT.fullmatch(variant)
    if found is None:
        raise ValueError(f"{variant} is no CUDA variant")
    return f"{found[1]}.{found[2]}"


def _judged(cuda: str, reading: AcceleratorReading) -> tuple[list[tuple[Device, str]], list[Device]]:
    """Part the devices into those that builds with a toolkit do not run on, with the reason, and the others."""
    lost = [(device, why) for device in reading.devices if (why := _objection(cuda, device))]
    return lost, [device for device in reading.devices if _objection(cuda, device) is None]


def _objection(cuda: str, device: Device) -> str | None:
    return toolkits().objection(cuda, device.capability) if device.capability else None


def _absence(reading: AcceleratorReading) -> str:
    from lockhouse_cuda.reading import UNUSABLE

    if UNUSABLE in reading.notes:
        return UNUSABLE
    return "; ".join(("no usable NVIDIA GPU was found", *reading.notes))
