"""Making sense of what came back: a pure function of answers that may lie, contradict each other or be garbage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lockhouse.host import AcceleratorReading, Device, Probe
from lockhouse.replies import json_object, label, overdue
from lockhouse_rocm import sources
from lockhouse_rocm.sources import Source
from lockhouse_rocm.tables import releases

__all__ = ["HIDING", "PLACEHOLDER", "read"]

PLACEHOLDER = "AMD GPU"
"""Name of a device that nobody could name."""

HIDING = ("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
"""Variables that choose devices; HIP goes by CUDA's as well."""

INFO = "/.info/version"
OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"
VERSION = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{1,2})")
Around = Mapping[str, Any]


def read(answers: Mapping[str, Probe]) -> AcceleratorReading:
    """Read the answers, by question name."""
    notes = overdue(answers)
    around = json_object(answers.get("surroundings"))
    kernel = sources.kfd(answers.get("kfd"))
    # Names of the runtime first: torch will call the devices by them.
    tools = {
        "rocminfo": sources.rocminfo(answers.get("rocminfo")),
        "HIP": sources.hip(answers.get("hip")),
        "amd-smi": sources.amd_smi(answers.get("amd-smi")),
        "rocm-smi": sources.rocm_smi(answers.get("rocm-smi")),
        "rocm_agent_enumerator": sources.agents(answers.get("agents")),
    }
    notes += [source.failed for source in tools.values() if source.failed]
    probe = answers.get("kernel-module")
    module = sources.module_version(probe.answer if probe else None)
    driver = module or tools["rocminfo"].driver
    devices = _devices(kernel, tools, around, notes)
    usable = _usable(around, notes) if devices else False
    if not devices:
        _explain_absence(around, notes)
    _compare(kernel, tools, module, around, notes)
    _describe(devices, answers, driver, around, notes)
    return AcceleratorReading(
        namespace="rocm",
        present=usable,
        driver=driver,
        runtime=releases().of_driver(driver) if driver else None,
        devices=tuple(devices),
        notes=tuple(dict.fromkeys(notes)),
        toolkits=_toolkits(answers.get("toolkits")),
    )


def _devices(kernel: Source, tools: Mapping[str, Source], around: Around, notes: list[str]) -> list[Device]:
    """The kernel's list, which no variable shortens, with the names that others have for the same devices."""
    order = (
        kernel,
        tools["amd-smi"],
        tools["rocm-smi"],
        tools["rocminfo"],
        tools["rocm_agent_enumerator"],
        tools["HIP"],
    )
    base = next((source for source in order if source.gpus), kernel)
    overrides = _overrides(around)
    named = [
        source
        for source in tools.values()
        if len(source.gpus) == len(base.gpus) and (overrides or _agree(source.targets, base.targets))
    ]
    devices = []
    for index, gpu in enumerate(base.gpus):
        name = next((source.gpus[index].name for source in named if source.gpus[index].name), None)
        memory = gpu.memory or next((source.gpus[index].memory for source in named if source.gpus[index].memory), None)
        target = gpu.target or next((source.gpus[index].target for source in named if source.gpus[index].target), None)
        taken = overrides.get(str(index)) or overrides.get("") or target
        if taken != target and base is kernel:
            notes.append(f"{OVERRIDE} makes programs take device {index}, a {target}, for a {taken}")
        devices.append(
            Device(
                index=index,
                name=name or PLACEHOLDER,
                memory=memory,
                capability=taken,
                integrated=target in releases().integrated,
            )
        )
    return devices


def _agree(some: list[str | None], others: list[str | None]) -> bool:
    return all(None in (one, other) or one == other for one, other in zip(some, others, strict=True))


def _overrides(around: Around) -> dict[str, str]:
    """Targets that a variable makes of the real ones: by position, or for all under the empty key."""
    found = {}
    for name, value in _variables(around).items():
        match = VERSION.fullmatch(value.strip())
        if name.startswith(OVERRIDE) and match:
            major, minor, stepping = (int(part) for part in match.groups())
            found[name.removeprefix(OVERRIDE).lstrip("_")] = f"gfx{major}{minor}{stepping:x}"
    return found


def _usable(around: Around, notes: list[str]) -> bool:
    """Whether programs can reach the devices; where nobody could look they may."""
    state = around.get("kfd")
    if around.get("wsl") is True or state not in ("missing", "denied"):
        return True
    if state == "missing":
        notes.append(
            "the kernel has AMD GPUs, but there is no /dev/kfd: "
            "a container needs to be started with --device=/dev/kfd --device=/dev/dri"
        )
    else:
        notes.append("/dev/kfd cannot be opened: the user needs to be in the groups render and video")
    return False


def _explain_absence(around: Around, notes: list[str]) -> None:
    pci = around.get("pci")
    if not isinstance(pci, list) or not pci:
        return
    if around.get("module") is False:
        notes.append(f"AMD GPUs on the PCI bus ({len(pci)}), but the driver amdgpu is not loaded")
    else:
        notes.append(f"AMD GPUs on the PCI bus ({len(pci)}), but the kernel offers none of them for computing (KFD)")


def _compare(kernel: Source, tools: Mapping[str, Source], module: str | None, around: Around, notes: list[str]) -> None:
    drivers = {"the kernel module": module, **{name: source.driver for name, source in tools.items()}}
    said = {source: version for source, version in drivers.items() if version}
    if len(set(said.values())) > 1:
        text = ", ".join(f"{source} says {version}" for source, version in said.items())
        notes.append(f"driver versions differ ({text}): was the driver updated without a restart?")
    limits = [f"{name}={value!r}" for name, value in _variables(around).items() if name in HIDING]
    for name, source in tools.items():
        if not source.gpus and not (limits and name in ("rocminfo", "HIP") and source.asked):
            continue
        if kernel.gpus and len(source.gpus) != len(kernel.gpus):
            seen = f"{len(source.gpus)} of {len(kernel.gpus)} devices"
            why = f"{', '.join(limits)} lets programs started from here see" if limits else f"{name} sees"
            notes.append(f"{why} {seen}")
        elif kernel.gpus and not _overrides(around) and not _agree(source.targets, kernel.targets):
            notes.append(f"{name} says {_told(source)}, the kernel says {_told(kernel)}")


def _told(source: Source) -> str:
    return ", ".join(target or "unknown" for target in source.targets)


def _describe(
    devices: list[Device], answers: Mapping[str, Probe], driver: str | None, around: Around, notes: list[str]
) -> None:
    targets = list(dict.fromkeys(device.capability for device in devices if device.capability))
    if len(targets) > 1:
        notes.append(f"devices differ in target ({', '.join(targets)}): a build needs code for each")
    if devices and around.get("wsl") is True:
        notes.append("WSL2: the driver is the one of Windows")
    elif devices and driver is None:
        kernel = answers.get("kernel")
        release = label(kernel.answer)[:60] if kernel else ""
        notes.append(f"the driver is the kernel's own{f' (Linux {release})' if release else ''}, which has no version")


def _variables(around: Around) -> dict[str, str]:
    variables = around.get("variables")
    found = variables if isinstance(variables, dict) else {}
    return {name[:60]: value[:100] for name, value in found.items() if isinstance(name, str) and isinstance(value, str)}


def _toolkits(probe: Probe | None) -> dict[str, str]:
    """Installed ROCm releases, version to folder: ``6.2.0`` of ``6.2.0-66`` in ``/opt/rocm-6.2.0/.info/version``."""
    found: dict[str, str] = {}
    for path, text in json_object(probe).items():
        version = re.match(r"\d{1,2}\.\d{1,2}(?:\.\d{1,2})?", text.strip()) if isinstance(text, str) else None
        if version and path.endswith(INFO) and len(path) < 200:
            found.setdefault(version[0], path.removesuffix(INFO))
    return found
