"""Making sense of what came back: a pure function of answers that may lie, contradict each other or be garbage."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lockhouse.host import AcceleratorReading, Device, Probe
from lockhouse.replies import amount, entries, json_object, label, overdue

__all__ = ["read"]

INTEL = 0x8086
MOST_DEVICES = 64

FAILURES = {
    0x70000001: "the GPU was lost: restart the machine",
    0x70010000: "this user may not use the GPU: it needs to be in the group render",
    0x70020000: "a library that the driver needs is missing",
    0x78000001: "no driver for a GPU is installed",
}
"""``ze_result_t`` values of zeInit (oneAPI, "Level Zero Specification")."""

COMPILER = re.compile(r"(/.+/(\d{4}\.\d{1,2}(?:\.\d{1,2})?))/env/vars\.sh")

LISTED = re.compile(
    r"^\[(?:ext_oneapi_)?level_zero:gpu(?::\d+)?\](?:\[level_zero:\d+\])?\s*[^,]*,\s*(.+?)\s+(\d+\.\d+(?:\.\d+)?)\s+"
    r"\[([0-9.]+)[^\]]*\]\s*$"
)
"""A line of sycl-ls: platform, device, version of its architecture (in old releases of the interface), driver."""


def read(answers: Mapping[str, Probe]) -> AcceleratorReading:
    """Read the answers, by question name."""
    notes = overdue(answers)
    around = json_object(answers.get("surroundings"))
    devices, driver = _level_zero(answers.get("level-zero"), notes)
    listed, listed_driver = _sycl(answers.get("sycl-ls"))
    managed = _managed(answers.get("xpu-smi"))
    if not devices and _silent(answers.get("level-zero")):
        devices = listed  # it goes through Level Zero as well: what it lists can be used
    _compare(devices, listed, managed, around, notes)
    if not devices:
        _explain_absence(answers, managed, around, notes)
    if devices and around.get("wsl") is True:
        notes.append("WSL2: the driver is the one of Windows")
    return AcceleratorReading(
        namespace="xpu",
        present=bool(devices),
        driver=driver or (listed_driver if devices else None),
        devices=tuple(devices),
        notes=tuple(dict.fromkeys(notes)),
        toolkits=_toolkits(answers.get("toolkits")),
    )


def _level_zero(probe: Probe | None, notes: list[str]) -> tuple[list[Device], str | None]:
    data = json_object(probe)
    if probe is not None and probe.answer is not None and not data:
        notes.append(f"Level Zero answered nonsense: {probe.answer.strip()[:60]!r}")
    status = data.get("status")
    if isinstance(status, int) and status != 0:
        notes.append(f"Level Zero cannot be initialised: {status:#x}{_meaning(status)}")
    devices: list[Device] = []
    driver = None
    for entry in entries(data.get("drivers")):
        driver = driver or _driver(entry.get("version"))
        for item in entries(entry.get("devices")):
            if item.get("vendor") not in (INTEL, None) or len(devices) == MOST_DEVICES:
                continue
            devices.append(
                Device(
                    index=len(devices),
                    name=label(item.get("name")) or "Intel GPU",
                    memory=amount(item.get("memory")),
                    capability=_architecture(item.get("architecture")),
                    integrated=item.get("integrated") is True,
                )
            )
    return devices, driver


def _meaning(status: int) -> str:
    text = FAILURES.get(status)
    return f" ({text})" if text else ""


def _driver(value: object) -> str | None:
    """``1.3.29735`` of its number: eight bits, eight bits, sixteen bits (Intel's compute runtime)."""
    number = amount(value)
    if number is None or number >= 1 << 32:
        return None
    return f"{number >> 24}.{number >> 16 & 0xFF}.{number & 0xFFFF}"


def _sycl(probe: Probe | None) -> tuple[list[Device], str | None]:
    devices: list[Device] = []
    driver = None
    for line in ((probe.answer if probe else None) or "").splitlines():
        found = LISTED.match(line.strip()[:500])
        if found and len(devices) < MOST_DEVICES:
            # Old releases print the version of the interface (1.3) in the place of the architecture's (12.55.8).
            architecture = found[2] if found[2].count(".") == 2 else None
            devices.append(Device(index=len(devices), name=label(found[1]) or "Intel GPU", capability=architecture))
            driver = driver or found[3].strip(".")
    return devices, driver


def _managed(probe: Probe | None) -> list[str]:
    """Names that xpu-smi lists."""
    return [label(item.get("device_name")) or "Intel GPU" for item in entries(json_object(probe).get("device_list"))]


def _silent(probe: Probe | None) -> bool:
    """Whether Level Zero itself gave no answer; that there is no loader is one."""
    error = (probe.error or "").lower() if probe else ""
    return probe is not None and probe.answer is None and "cannot open shared object" not in error


def _compare(
    devices: list[Device], listed: list[Device], managed: list[str], around: Mapping[str, Any], notes: list[str]
) -> None:
    variables = around.get("variables")
    limits = [f"{key}={str(value)[:60]!r}" for key, value in variables.items()] if isinstance(variables, dict) else []
    if limits:
        notes.append(f"{', '.join(limits)} chooses what programs started from here see: {len(devices)} devices")
    elif devices and listed and len(listed) != len(devices):
        notes.append(f"Level Zero sees {len(devices)} devices, sycl-ls {len(listed)}")
    elif devices and managed and len(managed) > len(devices):
        notes.append(f"xpu-smi lists {len(managed)} devices, Level Zero {len(devices)}")
    architectures = list(dict.fromkeys(device.capability for device in devices if device.capability))
    if len(architectures) > 1:
        notes.append(f"devices differ in architecture ({', '.join(architectures)})")


def _explain_absence(
    answers: Mapping[str, Probe], managed: list[str], around: Mapping[str, Any], notes: list[str]
) -> None:
    probe = answers.get("level-zero")
    missing = probe is not None and "cannot open shared object" in (probe.error or "").lower()
    pci = around.get("pci")
    shown = len(pci) if isinstance(pci, dict) else len(list(_displays(answers.get("display"))))
    lacking = (
        "the Level Zero loader (libze_loader.so.1) is not installed" if missing else "Level Zero shows none of them"
    )
    if shown or managed:
        what = f"xpu-smi lists {', '.join(managed)}" if managed else f"Intel display devices on the PCI bus ({shown})"
        notes.append(f"{what}, but {lacking}: a display device alone is not enough")
    render = around.get("render")
    if shown and isinstance(render, dict) and render and set(render.values()) == {"denied"}:
        notes.append("no /dev/dri/renderD* can be opened: the user needs to be in the group render")


def _displays(probe: Probe | None) -> Iterator[str]:
    """Paths of Intel's devices among those that the display subsystem knows."""
    for path, text in json_object(probe).items():
        if isinstance(text, str) and re.search(r"^PCI_ID=8086:", text, re.MULTILINE):
            yield path


def _toolkits(probe: Probe | None) -> dict[str, str]:
    """Installed oneAPI compilers, version to folder; ``latest`` is a link to one of them."""
    found = {}
    for path in json_object(probe):
        where = COMPILER.fullmatch(path[:200])
        if where:
            found[where[2]] = where[1]
    return found


def _architecture(value: object) -> str | None:
    return value if isinstance(value, str) and re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{1,3}", value) else None
