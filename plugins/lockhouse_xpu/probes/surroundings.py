"""Ask the system what explains the driver's answers: variables, the device files, and what is on the PCI bus."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

HIDING = ("ZE_AFFINITY_MASK", "ONEAPI_DEVICE_SELECTOR")
INTEL = "0x8086"


def access(path: str) -> str:
    """``open`` or ``denied``: whether this process can use a device file."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError:
        return "denied"
    return "open"


def main() -> None:
    """Print variables, access to the render nodes, and addresses and drivers of Intel's display controllers."""
    controllers = {}
    bus = Path("/sys/bus/pci/devices")
    for device in sorted(bus.iterdir()) if bus.is_dir() else []:
        try:
            vendor, kind = (device / "vendor").read_text().strip(), (device / "class").read_text().strip()
        except OSError:
            continue
        if vendor == INTEL and kind.startswith("0x03"):
            link = device / "driver"
            controllers[device.name] = link.resolve().name if link.exists() else None
    variables = {name: os.environ[name] for name in HIDING if name in os.environ}
    render = {path.name: access(str(path)) for path in sorted(Path("/dev/dri").glob("renderD*"))}
    answer = {"variables": variables, "render": render, "pci": controllers, "wsl": Path("/dev/dxg").exists()}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
