"""Making sense of what came back: a pure function of answers that may lie, contradict each other or be garbage."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lockhouse.host import AcceleratorReading, Device, Probe
from lockhouse.replies import amount, entries, json_object, label, overdue
from lockhouse_cuda.tables import toolkits
from lockhouse_pytorch.versions import parse

__all__ = ["DRIVER_OF_WINDOWS", "PARTITIONED", "UNUSABLE", "read"]

DRIVER = re.compile(r"\b\d{3,4}\.\d{2,3}(?:\.\d{2,3})?\b")
CAPABILITY = re.compile(r"\d{1,2}\.\d")
DRIVER_OF_WINDOWS = "WSL2: the driver is the one of Windows"
PARTITIONED = "partitioned (MIG)"
UNUSABLE = "GPUs are there, but libcuda cannot be loaded: no program can use them from here"
VERSION = re.compile(r'(?:"version"\s*:\s*"|CUDA Version )(\d{1,2}\.\d{1,2})')
MEBIBYTE = 1 << 20
MOST_DEVICES = 64
LONGEST_LINE = 1000
NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE, also when CUDA_VISIBLE_DEVICES hides them all

FAILURES = {
    2: "out of memory",
    3: "not initialised",
    100: "no device",
    101: "invalid device",
    802: "the system is not ready (NVSwitch machines: is the fabric manager running?)",
    803: "driver and kernel module are of different versions: restart the machine",
    804: "a compatibility package is installed that this device cannot use",
    999: "unknown error (a reload of the kernel module often helps)",
}
"""``CUresult`` values of cuInit (NVIDIA, "CUDA Driver API", data types)."""


@dataclass
class _Source:
    """What one source said; empty where it said nothing."""

    driver: str | None = None
    cuda: str | None = None
    devices: list[Device] = field(default_factory=list)


def read(answers: Mapping[str, Probe]) -> AcceleratorReading:
    """Read the answers, by question name."""
    notes = overdue(answers)
    nvml = _library(answers.get("nvml"), "NVML", notes)
    libcuda = _library(answers.get("libcuda"), "libcuda", notes)
    smi = _smi(answers.get("nvidia-smi"), notes)
    module = _kernel(answers)
    devices = nvml.devices or smi.devices or libcuda.devices
    driver = nvml.driver or smi.driver or (module if devices else None)
    cuda = _cuda(nvml, libcuda, driver, _numbering(answers), notes)
    _compare(nvml, libcuda, smi, module, answers, notes)
    loadable = _loadable(answers.get("libcuda"))
    if not devices:
        _explain_absence(answers, module, loadable, notes)
    elif not loadable:
        notes.append(UNUSABLE)
    _describe(devices, answers, notes)
    return AcceleratorReading(
        namespace="cuda",
        present=bool(devices) and loadable,
        driver=driver or module,
        runtime=cuda,
        devices=tuple(devices),
        notes=tuple(dict.fromkeys(notes)),
        toolkits=_toolkits(answers.get("toolkits")),
    )


def _toolkits(probe: Probe | None) -> dict[str, str]:
    """Installed toolkits, version to folder: ``12.4`` to ``/usr/local/cuda-12.4``."""
    found: dict[str, str] = {}
    for path, text in json_object(probe).items():
        version = VERSION.search(text) if isinstance(text, str) else None
        if version and len(path) < 200:
            found.setdefault(version[1], path.replace("\\", "/").rpartition("/")[0])
    return found


def _json(probe: Probe | None, what: str, notes: list[str]) -> dict[str, Any]:
    data = json_object(probe)
    if not data and probe is not None and probe.answer is not None:
        notes.append(f"{what} answered nonsense: {probe.answer.strip()[:60]!r}")
    return data


def _library(probe: Probe | None, what: str, notes: list[str]) -> _Source:
    data = _json(probe, what, notes)
    source = _Source(driver=_driver(data.get("driver")), cuda=_encoded(data.get("cuda")))
    for entry in entries(data.get("devices")):
        if entry.get("error"):
            notes.append(f"{what}: device {entry.get('index')} cannot be used: {label(str(entry['error']))[:100]}")
        elif device := _device(entry, len(source.devices)):
            source.devices.append(device)
            if entry.get("mig") is True:
                notes.append(f"device {device.index} ({device.name}) is {PARTITIONED}: a program sees one part of it")
    status = data.get("status")
    if isinstance(status, int) and status not in (0, NO_DEVICE):
        notes.append(f"{what} cannot be initialised: {status} {FAILURES.get(status, '')}".strip())
    return source


def _device(entry: Mapping[str, object], position: int) -> Device | None:
    name, memory, capability, index = (entry.get(key) for key in ("name", "memory", "capability", "index"))
    if not isinstance(name, str) and not isinstance(capability, str):
        return None
    return Device(
        index=index if isinstance(index, int) and not isinstance(index, bool) and index >= 0 else position,
        name=label(name) or "NVIDIA GPU",
        memory=amount(memory),
        capability=capability if isinstance(capability, str) and CAPABILITY.fullmatch(capability) else None,
    )


def _smi(probe: Probe | None, notes: list[str]) -> _Source:
    source = _Source()
    if probe is None or probe.answer is None:
        return source
    lines = [line[:LONGEST_LINE] for line in probe.answer.splitlines()]  # csv refuses very long fields
    rows = [row for row in csv.reader(lines, skipinitialspace=True) if row]
    for row in rows[:MOST_DEVICES]:
        # index, name, driver, capability, MiB; "[N/A]" or "[Not Supported]" where a device does not know.
        if len(row) != 5 or not row[0].strip().isdigit() or _driver(row[2]) is None:
            notes.append(f"nvidia-smi answered nonsense: {', '.join(row)[:60]!r}")
            continue
        source.driver = source.driver or _driver(row[2])
        memory = row[4].strip()
        entry = {
            "index": int(row[0]),
            "name": row[1],
            "memory": int(memory) * MEBIBYTE if memory.isdecimal() and len(memory) < 12 else None,
            "capability": row[3].strip(),
        }
        if device := _device(entry, len(source.devices)):
            source.devices.append(device)
    return source


def _kernel(answers: Mapping[str, Probe]) -> str | None:
    """Version of the kernel module. Containers see it too, whether or not they may use the devices."""
    for name in ("kernel-module", "kernel-driver"):
        probe = answers.get(name)
        if probe is not None and probe.answer and (version := _driver(probe.answer)):
            return version
    return None


def _driver(value: object) -> str | None:
    found = DRIVER.search(value) if isinstance(value, str) else None
    return found[0] if found else None


def _encoded(value: object) -> str | None:
    """CUDA writes 12.4 as 12040."""
    if not isinstance(value, int) or isinstance(value, bool) or not 5000 <= value < 100_000:
        return None
    return f"{value // 1000}.{value % 1000 // 10}"


def _cuda(nvml: _Source, libcuda: _Source, driver: str | None, system: str, notes: list[str]) -> str | None:
    """The driver's CUDA version; of two that contradict each other the lower, which is safe with either."""
    said = [version for version in (nvml.cuda, libcuda.cuda) if version]
    if len(set(said)) > 1:
        lower = min(said, key=parse)
        notes.append(f"NVML says CUDA {nvml.cuda}, libcuda says {libcuda.cuda}: taking {lower}")
        return lower
    if said:
        return said[0]
    derived = toolkits().of_driver(driver, system) if driver else None
    if derived:
        notes.append(f"nobody told the driver's CUDA version; driver {driver} came with {derived}")
    return derived


def _compare(
    nvml: _Source, libcuda: _Source, smi: _Source, module: str | None, answers: Mapping[str, Probe], notes: list[str]
) -> None:
    drivers = {"NVML": nvml.driver, "nvidia-smi": smi.driver, "the kernel module": module}
    said = {source: version for source, version in drivers.items() if version}
    if len(set(said.values())) > 1:
        text = ", ".join(f"{source} says {version}" for source, version in said.items())
        notes.append(f"driver versions differ ({text}): was the driver updated without a restart?")
    visible = _variable(answers, "CUDA_VISIBLE_DEVICES")
    listed = nvml.devices or smi.devices
    if visible is not None and listed and len(libcuda.devices) < len(listed):
        seen = f"{len(libcuda.devices)} of {len(listed)} devices"
        notes.append(f"CUDA_VISIBLE_DEVICES={visible!r} lets programs started from here see {seen}")
    elif libcuda.devices and listed and len(libcuda.devices) != len(listed):
        notes.append(f"libcuda sees {len(libcuda.devices)} devices, the management library {len(listed)}")


def _describe(devices: list[Device], answers: Mapping[str, Probe], notes: list[str]) -> None:
    capabilities = sorted({device.capability for device in devices if device.capability}, key=parse)
    if len(capabilities) > 1:
        notes.append(
            f"devices differ in compute capability ({', '.join(capabilities)}): a build needs kernels for each"
        )
    if _wsl(answers) and devices:
        notes.append(DRIVER_OF_WINDOWS)
    tegra = answers.get("tegra")
    if tegra is not None and tegra.answer and "R" in tegra.answer:
        release = re.search(r"R(\d+)", tegra.answer)
        notes.append(f"Jetson, L4T {release[0] if release else 'of unknown release'}")


def _explain_absence(answers: Mapping[str, Probe], module: str | None, loadable: bool, notes: list[str]) -> None:
    pci = _surroundings(answers).get("pci")
    if module and loadable:
        notes.append(f"the kernel has NVIDIA's driver {module}, but its libraries show no device")
    elif module:
        notes.append(
            f"the kernel has NVIDIA's driver {module}, but its libraries are missing: "
            "a container needs to be started with access to the GPUs"
        )
    elif isinstance(pci, list) and pci:
        notes.append(f"NVIDIA GPUs on the PCI bus ({len(pci)}), but no driver is loaded")


def _loadable(probe: Probe | None) -> bool:
    """Whether libcuda can be there: no, only if the loader itself says so; a hang or a crash proves nothing."""
    error = (probe.error or "").lower() if probe else ""
    return not ("cannot open shared object" in error or "could not find module" in error)


def _wsl(answers: Mapping[str, Probe]) -> bool:
    kernel = answers.get("kernel")
    return kernel is not None and "microsoft" in (kernel.answer or "").lower()


def _numbering(answers: Mapping[str, Probe]) -> str:
    """Which system's driver numbers these are: under WSL2 the driver is that of Windows."""
    return "linux" if "kernel" in answers and not _wsl(answers) else "windows"


def _variable(answers: Mapping[str, Probe], name: str) -> str | None:
    variables = _surroundings(answers).get("variables")
    value = variables.get(name) if isinstance(variables, dict) else None
    return value[:100] if isinstance(value, str) else None


def _surroundings(answers: Mapping[str, Probe]) -> dict[str, Any]:
    return json_object(answers.get("surroundings"))
