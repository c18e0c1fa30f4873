"""What to ask the machine about AMD GPUs, best source first."""

from __future__ import annotations

import sys
from pathlib import Path

from lockhouse.accelerators import Question

__all__ = ["questions"]

PROBES = Path(__file__).with_name("probes")

NODES = "/sys/class/kfd/kfd/topology/nodes/*"


def questions() -> list[Question]:
    """All questions; none elsewhere than on Linux, where alone PyTorch publishes builds for ROCm."""
    if sys.platform != "linux":
        return []
    return [
        Question(name="kfd", kind="files", ask=(f"{NODES}/properties", f"{NODES}/mem_banks/*/properties")),
        Question(name="amd-smi", kind="command", ask=("amd-smi", "static", "--asic", "--vram", "--driver", "--json")),
        Question(
            name="rocm-smi",
            kind="command",
            ask=("rocm-smi", "--showproductname", "--showmeminfo", "vram", "--showdriverversion", "--json"),
        ),
        Question(name="rocminfo", kind="command", ask=("rocminfo",), timeout=10.0),
        Question(name="agents", kind="command", ask=("rocm_agent_enumerator",), timeout=10.0),
        Question(name="hip", kind="python", ask=(_program("hip"),), timeout=10.0),
        Question(name="surroundings", kind="python", ask=(_program("surroundings"),)),
        Question(name="kernel-module", kind="file", ask=("/sys/module/amdgpu/version",)),
        Question(name="kernel", kind="file", ask=("/proc/sys/kernel/osrelease",)),
        Question(name="toolkits", kind="files", ask=("/opt/rocm*/.info/version",)),
    ]


def _program(name: str) -> str:
    return PROBES.joinpath(f"{name}.py").read_text(encoding="utf-8")
