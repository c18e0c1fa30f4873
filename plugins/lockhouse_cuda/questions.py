"""What to ask the machine about NVIDIA GPUs, best source first."""

from __future__ import annotations

import sys
from pathlib import Path

from lockhouse.accelerators import Question

__all__ = ["questions"]

PROBES = Path(__file__).with_name("probes")

TOOLKITS = "C:/Program Files/NVIDIA GPU Computing Toolkit/CUDA/v*" if sys.platform == "win32" else "/usr/local/cuda*"
"""Where toolkits are installed; the one called ``cuda`` is a link to another."""

SMI = ("nvidia-smi", "--query-gpu=index,name,driver_version,compute_cap,memory.total", "--format=csv,noheader,nounits")
"""Only the query form: the table for people changed its wording with driver 610."""


def questions() -> list[Question]:
    """All questions of this platform; none of them loads a framework, and each may hang without harm."""
    if sys.platform == "darwin":
        return []
    asked = [
        Question(name="nvml", kind="python", ask=(_program("nvml"),), timeout=10.0),
        Question(name="libcuda", kind="python", ask=(_program("libcuda"),), timeout=10.0),
        Question(name="nvidia-smi", kind="command", ask=SMI, timeout=10.0),
        Question(name="surroundings", kind="python", ask=(_program("surroundings"),), timeout=5.0),
    ]
    versions = f"{TOOLKITS}/version.json"
    asked.append(Question(name="toolkits", kind="files", ask=(versions, versions.replace(".json", ".txt"))))
    if sys.platform == "linux":
        asked += [
            Question(name="kernel-module", kind="file", ask=("/sys/module/nvidia/version",)),
            Question(name="kernel-driver", kind="file", ask=("/proc/driver/nvidia/version",)),
            Question(name="kernel", kind="file", ask=("/proc/sys/kernel/osrelease",)),
            Question(name="tegra", kind="file", ask=("/etc/nv_tegra_release",)),
        ]
    return asked


def _program(name: str) -> str:
    return PROBES.joinpath(f"{name}.py").read_text(encoding="utf-8")
