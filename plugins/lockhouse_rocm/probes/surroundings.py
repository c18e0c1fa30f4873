"""Ask the system what explains the driver's answers: variables, the device files, and what is on the PCI bus."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

HIDING = ("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL")
OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"
AMD = "0x1002"


def access(path: str) -> str:
    """``open``, ``denied`` or ``missing``: whether this process can use a device file.

    It is opened, because the rules of a container for devices do not show in permissions.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK))
    except FileNotFoundError:
        return "missing"
    except OSError:
        return "denied"
    return "open"


def main() -> None:
    """Print variables, access to ``/dev/kfd`` and the render nodes, and the addresses of AMD's display controllers."""
    controllers = []
    bus = Path("/sys/bus/pci/devices")
    for device in sorted(bus.iterdir()) if bus.is_dir() else []:
        try:
            vendor, kind = (device / "vendor").read_text().strip(), (device / "class").read_text().strip()
        except OSError:
            continue
        # 0x03: display controllers; 0x1200: processing accelerators, as data centre GPUs call themselves.
        if vendor == AMD and kind.startswith(("0x03", "0x1200")):
            controllers.append(device.name)
    variables = {name: os.environ[name] for name in os.environ if name in HIDING or name.startswith(OVERRIDE)}
    render = {path.name: access(str(path)) for path in sorted(Path("/dev/dri").glob("renderD*"))}
    answer = {
        "variables": variables,
        "kfd": access("/dev/kfd"),
        "render": render,
        "pci": controllers,
        "module": Path("/sys/module/amdgpu").is_dir(),
        "wsl": Path("/dev/dxg").exists(),
    }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
