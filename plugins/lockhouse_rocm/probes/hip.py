"""Ask the HIP runtime, where one is installed. It goes by HIP_VISIBLE_DEVICES and ROCR_VISIBLE_DEVICES.

Signatures: AMD, "HIP Runtime API Reference", Initialization and Version, Device Management. The structure of device
properties changes between releases and is not asked for.
"""

from __future__ import annotations

import ctypes
import glob
import json
import sys


def load() -> ctypes.CDLL:
    """Load the library from where the loader or ROCm's own folder has it; end the program if there is none."""
    problems = []
    for name in ["libamdhip64.so", *sorted(glob.glob("/opt/rocm*/lib/libamdhip64.so"))]:  # noqa: PTH207
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            problems.append(str(error))
    sys.exit("; ".join(problems))


def main() -> None:
    """Print how initialisation ended and the devices that programs get to see."""
    hip = load()
    count, number, handle = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    answer: dict[str, object] = {"status": hip.hipInit(0), "runtime": None, "devices": []}
    if hip.hipRuntimeGetVersion(ctypes.byref(number)) == 0:
        answer["runtime"] = number.value
    devices = []
    if answer["status"] == 0 and hip.hipGetDeviceCount(ctypes.byref(count)) == 0:
        for index in range(count.value):
            device: dict[str, object] = {"index": index, "name": None, "memory": None}
            name, memory = ctypes.create_string_buffer(256), ctypes.c_size_t()
            if hip.hipDeviceGet(ctypes.byref(handle), index) == 0:
                if hip.hipDeviceGetName(name, 256, handle) == 0:
                    device["name"] = name.value.decode(errors="replace")
                if hip.hipDeviceTotalMem(ctypes.byref(memory), handle) == 0:
                    device["memory"] = memory.value
            devices.append(device)
    answer["devices"] = devices
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
