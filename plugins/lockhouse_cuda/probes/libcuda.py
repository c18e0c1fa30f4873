"""Ask libcuda, the library that programs will really use. It goes by CUDA_VISIBLE_DEVICES.

Signatures: NVIDIA, "CUDA Driver API", Initialization, Version Management, Device Management.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

CAPABILITY_MAJOR = 75  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
CAPABILITY_MINOR = 76


def libraries() -> list[str]:
    """Names to try; under WSL2 the library is in a folder of its own."""
    if os.name == "nt":
        return ["nvcuda.dll"]
    wsl = "/usr/lib/wsl/lib/libcuda.so.1"
    return [wsl, "libcuda.so.1"] if os.path.exists(wsl) else ["libcuda.so.1"]  # noqa: PTH110


def load(names: list[str]) -> ctypes.CDLL:
    """Load the first library that can be; end the program with the system's own words if none can."""
    problems = []
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            problems.append(str(error))
    sys.exit("; ".join(problems))


def main() -> None:
    """Print the driver's CUDA version, how initialisation ended, and the devices that programs get to see."""
    cuda = load(libraries())
    number, other, count = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    answer: dict[str, object] = {"cuda": None, "status": 0, "devices": []}
    if cuda.cuDriverGetVersion(ctypes.byref(number)) == 0:
        answer["cuda"] = number.value
    status = cuda.cuInit(0)
    devices = []
    if status == 0 and cuda.cuDeviceGetCount(ctypes.byref(count)) == 0:
        for index in range(count.value):
            handle = ctypes.c_int()
            if cuda.cuDeviceGet(ctypes.byref(handle), index):
                continue
            name = ctypes.create_string_buffer(256)
            memory = ctypes.c_size_t()
            device: dict[str, object] = {"index": index, "name": None, "memory": None, "capability": None}
            if cuda.cuDeviceGetName(name, 256, handle) == 0:
                device["name"] = name.value.decode(errors="replace")
            if cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), handle) == 0:
                device["memory"] = memory.value
            major = cuda.cuDeviceGetAttribute(ctypes.byref(number), CAPABILITY_MAJOR, handle)
            minor = cuda.cuDeviceGetAttribute(ctypes.byref(other), CAPABILITY_MINOR, handle)
            if major == 0 and minor == 0:
                device["capability"] = f"{number.value}.{other.value}"
            devices.append(device)
    answer["status"] = status
    answer["devices"] = devices
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
