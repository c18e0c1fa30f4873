"""What there is to know about running on the CPU alone."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lockhouse.accelerators import Question, Support
from lockhouse.host import AcceleratorReading, Device, Host, Probe
from lockhouse.manifest import Check
from lockhouse_pytorch import index

__all__ = ["CpuAccelerator"]

CPUINFO = r"""
import re
for line in open("/proc/cpuinfo", errors="replace"):
    if re.match(r"(model name|cpu model|Model|cpu)\s*:", line):
        print(line.partition(":")[2].strip())
        break
"""
"""``model name`` on x86, ``Model`` and the others on ARM boards, POWER and MIPS; ARM servers give no name at all."""

REGISTRY = r"""
import winreg
path = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
    print(winreg.QueryValueEx(key, "ProcessorNameString")[0])
"""

QUESTIONS = {
    "Linux": Question(name="model", kind="python", ask=(CPUINFO,)),
    "Darwin": Question(name="model", kind="command", ask=("/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string")),
    "Windows": Question(name="model", kind="python", ask=(REGISTRY,)),
}


@dataclass(frozen=True, slots=True)
class CpuAccelerator:
    """The CPU. Present on every machine; the label ``+cpu`` is used on Linux and Windows."""

    namespace: str = "cpu"

    @property
    def family(self) -> frozenset[str]:
        """What PyTorch publishes on its index of CPU builds."""
        return index.family()

    @property
    def labelled(self) -> frozenset[str]:
        """Those whose builds carry the label ``cpu``."""
        return index.labelled("cpu")

    def questions(self) -> Sequence[Question]:
        """Ask for the processor's name."""
        question = QUESTIONS.get(platform.system())
        return [question] if question else []

    def fingerprint(self) -> str:
        """Return a constant: a processor is not changed under a running system."""
        return platform.machine()

    def read(self, answers: Mapping[str, Probe]) -> AcceleratorReading:
        """Name the processor; it is there even if nobody can say what it is called."""
        probe = answers.get("model")
        lines = ((probe.answer if probe else None) or "").split("\n")
        name = lines[0].strip()[:200] or platform.machine() or "CPU"
        device = Device(index=0, name=name, memory=None, capability=None)
        return AcceleratorReading(namespace="cpu", present=True, devices=(device,))

    def claims(self, variant: str) -> bool:
        """Claim ``cpu`` and nothing else."""
        return variant == "cpu"

    def support(self, variant: str, reading: AcceleratorReading, host: Host) -> Support:
        """Say yes: the CPU build runs everywhere."""
        return Support(supported=True, reason="the CPU build runs on every machine")

    def index_url(self, variant: str) -> str | None:
        """Address of PyTorch's index of CPU builds."""
        return index.index_url("cpu")

    def label(self, variant: str, host: Host) -> str | None:
        """``cpu`` on Linux and Windows; builds for macOS carry no label."""
        return None if host.system == "Darwin" else "cpu"

    def checks(self, variant: str, reading: AcceleratorReading) -> Sequence[Check]:
        """Nothing beyond the manifest's own checks: a CPU that runs the interpreter runs the build."""
        return ()

    def build_settings(self, distribution: str, variant: str, reading: AcceleratorReading) -> Mapping[str, str]:
        """Nothing: source builds are for the CPU unless told otherwise."""
        return {}
