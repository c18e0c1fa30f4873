"""NVIDIA GPUs as lockhouse sees them: which variants a machine can run, where they come from, how they are proven."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockhouse.accelerators import Question, Support
from lockhouse.host import AcceleratorReading, Device, Host, Probe
from lockhouse.manifest import Check
from lockhouse_cuda.tables import distributions, parse, toolkits

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


@dataclass(frozen=True, slots=True)
class CudaAccelerator:
    """NVIDIA GPUs. Variants are ``cu118``, ``cu130``: the CUDA version that PyTorch's builds were made with."""

    namespace: str = "cuda"

    @property
    def family(self) -> frozenset[str]:
        """What PyTorch publishes on its index for CUDA."""
        return distributions("family")

    @property
    def labelled(self) -> frozenset[str]:
        """Those whose builds carry the variant as label."""
        return distributions("labelled")

    def questions(self) -> Sequence[Question]:
        """Ask NVML, libcuda, nvidia-smi, the kernel, and what explains their answers."""
        from lockhouse_cuda.questions import questions

        return questions()

    def fingerprint(self) -> str:
        """Look at the files that come with driver and devices; a few look-ups."""
        traces = []
        for name in TRACES:
            try:
                stat = Path(name).stat()
            except OSError:
                continue
            traces.append(f"{name}:{stat.st_mtime_ns}:{stat.st_size}")
        try:
            version = Path("/sys/module/nvidia/version").read_text(encoding="utf-8").strip()
            traces.append(f"module:{version}")
        except (OSError, UnicodeDecodeError):
            pass
        nodes = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*")) if sys.platform == "linux" else []
        return ";".join([*traces, *nodes, shutil.which("nvidia-smi") or "no nvidia-smi"])

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
        system = "windows" if host.system == "Windows" else "linux"
        reason += f", {variant} needs {wanted}"
        if newer := toolkits().shipped_with(wanted, system):
            reason += f": driver {newer} or newer"
        relaxed = None
        if reading.driver and toolkits().minor_compatible(reading.driver, wanted, system):
            relaxed = f"minor-version compatibility covers {variant} on driver {reading.driver}, with limits"
        return Support(supported=False, reason=reason, lost=named, relaxed=relaxed)

    def index_url(self, variant: str) -> str | None:
        """Address of PyTorch's index of the variant."""
        return f"https://download.pytorch.org/whl/{variant}"

    def label(self, variant: str, host: Host) -> str | None:
        """The variant's own name."""
        return variant

    def checks(self, variant: str, reading: AcceleratorReading) -> Sequence[Check]:
        """One check: torch, if the environment has it, is the variant's build and computes on every device."""
        program = Path(__file__).with_name("proof.py").read_text(encoding="utf-8")
        wanted = _cuda(variant)
        usable = [device for device in reading.devices if _objection(wanted, device) is None]
        run = f"{program}\n\nprove({wanted!r}, {len(usable)})\n"
        return (Check(name="cuda: torch computes on every device", run=run, requires="cuda", timeout=300.0),)

    def build_settings(self, distribution: str, variant: str, reading: AcceleratorReading) -> Mapping[str, str]:
        """Variables by which source builds are told to use CUDA, for the devices that are there."""
        if not reading.present:
            return {}
        capabilities = sorted({device.capability for device in reading.devices if device.capability}, key=parse)
        if distribution == "llama-cpp-python":
            flags = ["-DGGML_CUDA=on"]
            if capabilities:
                numbers = ";".join(capability.replace(".", "") for capability in capabilities)
                flags.append(f"-DCMAKE_CUDA_ARCHITECTURES={numbers}")
            return {"CMAKE_ARGS": " ".join(flags), "FORCE_CMAKE": "1"}
        settings = {"FORCE_CUDA": "1"}
        if capabilities:
            settings["TORCH_CUDA_ARCH_LIST"] = ";".join(capabilities)
        return settings


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
    return "; ".join(("no usable NVIDIA GPU was found", *reading.notes))
