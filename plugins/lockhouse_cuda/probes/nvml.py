"""Ask NVML, the driver's management library. It does not go by CUDA_VISIBLE_DEVICES.

Signatures: NVIDIA, "NVML API Reference Manual", groups System Queries and Device Queries.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys


class Memory(ctypes.Structure):
    """``nvmlMemory_t``, in bytes."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def libraries() -> list[str]:
    """Names to try. Under WSL2 a stub of the same name may stand in the usual place, so its own folder goes first."""
    if os.name == "nt":
        programs = os.environ.get("PROGRAMFILES", r"C:\Program Files")
        return ["nvml.dll", rf"{programs}\NVIDIA Corporation\NVSMI\nvml.dll"]
    wsl = "/usr/lib/wsl/lib/libnvidia-ml.so.1"
    return [wsl, "libnvidia-ml.so.1"] if os.path.exists(wsl) else ["libnvidia-ml.so.1"]  # noqa: PTH110


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
    """Print the driver's version, its CUDA version and all devices."""
    nvml = load(libraries())
    nvml.nvmlErrorString.restype = ctypes.c_char_p
    status = nvml.nvmlInit_v2()
    if status:
        sys.exit(f"nvmlInit: {status} {nvml.nvmlErrorString(status).decode(errors='replace')}")
    text = ctypes.create_string_buffer(96)
    number, other = ctypes.c_int(), ctypes.c_int()
    count = ctypes.c_uint()
    answer: dict[str, object] = {"driver": None, "cuda": None, "devices": []}
    if nvml.nvmlSystemGetDriverVersion(text, ctypes.c_uint(80)) == 0:
        answer["driver"] = text.value.decode(errors="replace")
    # The first form of this function answers with a guess where there is no libcuda; the second one fails.
    if nvml.nvmlSystemGetCudaDriverVersion_v2(ctypes.byref(number)) == 0:
        answer["cuda"] = number.value
    if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        count.value = 0
    devices = []
    for index in range(count.value):
        handle = ctypes.c_void_p()
        status = nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle))
        if status:
            # A device that has fallen off the bus, or that this container may not use.
            devices.append({"index": index, "error": nvml.nvmlErrorString(status).decode(errors="replace")})
            continue
        device: dict[str, object] = {"index": index, "name": None, "memory": None, "capability": None, "mig": False}
        if nvml.nvmlDeviceGetName(handle, text, ctypes.c_uint(96)) == 0:
            device["name"] = text.value.decode(errors="replace")
        memory = Memory()
        if nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) == 0:
            device["memory"] = memory.total
        if nvml.nvmlDeviceGetCudaComputeCapability(handle, ctypes.byref(number), ctypes.byref(other)) == 0:
            device["capability"] = f"{number.value}.{other.value}"
        if nvml.nvmlDeviceGetMigMode(handle, ctypes.byref(number), ctypes.byref(other)) == 0:
            device["mig"] = number.value == 1
        devices.append(device)
    answer["devices"] = devices
    nvml.nvmlShutdown()
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
