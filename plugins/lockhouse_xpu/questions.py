"""What to ask the machine about Intel GPUs, best source first."""

from __future__ import annotations

import sys
from pathlib import Path

from lockhouse.accelerators import Question

__all__ = ["questions"]

PROBES = Path(__file__).with_name("probes")


def questions() -> list[Question]:
    """All questions; Level Zero is on Linux and Windows."""
    if sys.platform not in ("linux", "win32"):
        return []
    asked = [
        Question(name="level-zero", kind="python", ask=(_program("level_zero"),), timeout=15.0),
        Question(name="sycl-ls", kind="command", ask=("sycl-ls",), timeout=15.0),
        Question(name="xpu-smi", kind="command", ask=("xpu-smi", "discovery", "-j"), timeout=10.0),
    ]
    if sys.platform == "linux":
        asked += [
            Question(name="surroundings", kind="python", ask=(_program("surroundings"),)),
            Question(name="display", kind="files", ask=("/sys/class/drm/card[0-9]*/device/uevent",)),
            Question(name="kernel", kind="file", ask=("/proc/sys/kernel/osrelease",)),
            Question(name="toolkits", kind="files", ask=("/opt/intel/oneapi/compiler/*/env/vars.sh",)),
        ]
    return asked


def _program(name: str) -> str:
    return PROBES.joinpath(f"{name}.py").read_text(encoding="utf-8")
