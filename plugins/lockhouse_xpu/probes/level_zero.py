"""Ask Level Zero, the driver interface that programs will really use. It goes by ZE_AFFINITY_MASK.

Structures and numbers: oneAPI, "Level Zero Specification", Core API, Driver and Device, and the extension device IP
version.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

GPU_ONLY = 1  # ZE_INIT_FLAG_GPU_ONLY
GPU = 1  # ZE_DEVICE_TYPE_GPU
INTEGRATED = 1  # ZE_DEVICE_PROPERTY_FLAG_INTEGRATED
DRIVER_PROPERTIES, DEVICE_PROPERTIES, MEMORY_PROPERTIES, IP_VERSION = 0x1, 0x3, 0x7, 0x1000F


class Driver(ctypes.Structure):
    """``ze_driver_properties_t``."""

    _fields_ = (
        ("stype", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("uuid", ctypes.c_uint8 * 16),
        ("version", ctypes.c_uint32),
    )


class IpVersion(ctypes.Structure):
    """``ze_device_ip_version_ext_t``."""

    _fields_ = (("stype", ctypes.c_uint32), ("next", ctypes.c_void_p), ("version", ctypes.c_uint32))


class Device(ctypes.Structure):
    """``ze_device_properties_t``."""

    _fields_ = (
        ("stype", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("type", ctypes.c_uint32),
        ("vendor", ctypes.c_uint32),
        ("device", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("subdevice", ctypes.c_uint32),
        ("clock", ctypes.c_uint32),
        ("largest", ctypes.c_uint64),
        ("counts", ctypes.c_uint32 * 7),
        ("resolution", ctypes.c_uint64),
        ("bits", ctypes.c_uint32 * 2),
        ("uuid", ctypes.c_uint8 * 16),
        ("name", ctypes.c_char * 256),
    )


class Memory(ctypes.Structure):
    """``ze_device_memory_properties_t``, sizes in bytes."""

    _fields_ = (
        ("stype", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("clock", ctypes.c_uint32),
        ("width", ctypes.c_uint32),
        ("total", ctypes.c_uint64),
        ("name", ctypes.c_char * 256),
    )


def load() -> ctypes.CDLL:
    """Load the loader; end the program with the system's own words if there is none."""
    try:
        return ctypes.CDLL("ze_loader.dll" if os.name == "nt" else "libze_loader.so.1")
    except OSError as error:
        sys.exit(str(error))


def handles(function: object, *owner: object) -> list[ctypes.c_void_p]:
    """Ask a function of Level Zero for its list: how many first, then the handles."""
    count = ctypes.c_uint32()
    if function(*owner, ctypes.byref(count), None) or not 0 < count.value <= 64:  # type: ignore[operator]
        return []
    found = (ctypes.c_void_p * count.value)()
    if function(*owner, ctypes.byref(count), found):  # type: ignore[operator]
        return []
    return [ctypes.c_void_p(value) for value in found]


def described(ze: ctypes.CDLL, handle: ctypes.c_void_p) -> dict[str, object] | None:
    """Tell of one device; None for what is no GPU."""
    version = IpVersion(stype=IP_VERSION)
    device = Device(stype=DEVICE_PROPERTIES, next=ctypes.cast(ctypes.pointer(version), ctypes.c_void_p))
    if ze.zeDeviceGetProperties(handle, ctypes.byref(device)) or device.type != GPU:
        return None
    number, total = ctypes.c_uint32(), 0
    if ze.zeDeviceGetMemoryProperties(handle, ctypes.byref(number), None) == 0 and 0 < number.value <= 64:
        parts = (Memory * number.value)()
        for part in parts:
            part.stype = MEMORY_PROPERTIES
        if ze.zeDeviceGetMemoryProperties(handle, ctypes.byref(number), parts) == 0:
            total = sum(part.total for part in parts)
    ip = version.version
    return {
        "name": device.name.decode(errors="replace"),
        "vendor": device.vendor,
        "device": device.device,
        "integrated": bool(device.flags & INTEGRATED),
        "memory": total,
        # Bits 31-22, 21-14 and 5-0; a driver that does not know the extension leaves zero.
        "architecture": f"{ip >> 22}.{ip >> 14 & 0xFF}.{ip & 0x3F}" if ip else None,
    }


def main() -> None:
    """Print how initialisation ended, and the drivers with their devices."""
    ze = load()
    status = ze.zeInit(GPU_ONLY)
    drivers = []
    for handle in handles(ze.zeDriverGet) if status == 0 else []:
        properties = Driver(stype=DRIVER_PROPERTIES)
        known = ze.zeDriverGetProperties(handle, ctypes.byref(properties)) == 0
        devices = [described(ze, device) for device in handles(ze.zeDeviceGet, handle)]
        drivers.append(
            {"version": properties.version if known else None, "devices": [item for item in devices if item]}
        )
    sys.stdout.write(json.dumps({"status": status & 0xFFFFFFFF, "drivers": drivers}))


if __name__ == "__main__":
    main()
