"""Ask the system what explains the driver's answers: the variables that hide devices, and what is on the PCI bus."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

VARIABLES = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "CUDA_DEVICE_ORDER")
NVIDIA = "0x10de"


def main() -> None:
    """Print the variables that are set and the addresses of NVIDIA's display and 3D controllers (PCI class 03)."""
    controllers = []
    bus = Path("/sys/bus/pci/devices")
    for device in sorted(bus.iterdir()) if bus.is_dir() else []:
        try:
            vendor, kind = (device / "vendor").read_text().strip(), (device / "class").read_text().strip()
        except OSError:
            continue
        if vendor == NVIDIA and kind.startswith("0x03"):
            controllers.append(device.name)
    variables = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    sys.stdout.write(json.dumps({"variables": variables, "pci": controllers, "wsl": Path("/dev/dxg").exists()}))


if __name__ == "__main__":
    main()
