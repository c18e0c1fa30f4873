"""Making sense of what came back: a pure function of answers that may be missing or garbage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lockhouse.host import AcceleratorReading, Device, Probe
from lockhouse.replies import amount, entries, json_object, label, overdue

__all__ = ["INTEL", "TRANSLATED", "read"]

TRANSLATED = (
    "this Mac has Apple silicon, but the Python that runs lockhouse is an x86_64 one that Rosetta translates: "
    "start it with an arm64 Python"
)
INTEL = "this Mac has an Intel processor: PyTorch's builds use Metal on Apple silicon only"


def read(answers: Mapping[str, Probe]) -> AcceleratorReading:
    """Read the answers, by question name; without any this is no Mac."""
    notes = overdue(answers)
    system = json_object(answers.get("system"))
    arm = system.get("hw.optional.arm64")
    silicon = arm == 1
    translated = system.get("sysctl.proc_translated") == 1
    display = _display(answers.get("displays"))
    macos = _version(answers.get("macos"))
    if system and arm in (0, None):
        notes.append(INTEL)
    elif translated:
        notes.append(TRANSLATED)
    devices: tuple[Device, ...] = ()
    if silicon:
        name = label(display.get("sppci_model")) or label(system.get("machdep.cpu.brand_string")) or "Apple GPU"
        family = label(display.get("spdisplays_mtlgpufamilysupport")).removeprefix("spdisplays_")
        if label(display.get("sppci_cores")).isdecimal():
            notes.append(f"{display['sppci_cores']} GPU cores; its memory is the machine's")
        devices = (
            Device(
                index=0,
                name=name,
                memory=amount(system.get("hw.memsize")),
                capability=family if re.fullmatch(r"metal[0-9]{1,2}", family) else None,
                integrated=True,
            ),
        )
    return AcceleratorReading(
        namespace="mps",
        present=silicon and not translated,
        driver=f"macOS {macos}" if macos and silicon else None,  # Metal is part of the system
        devices=devices,
        notes=tuple(dict.fromkeys(notes)),
    )


def _display(probe: Probe | None) -> dict[str, Any]:
    """Apple's own among the display adapters: an eGPU may stand beside it on an Intel Mac only."""
    found = entries(json_object(probe).get("SPDisplaysDataType"))
    return next((entry for entry in found if "apple" in label(entry.get("spdisplays_vendor")).lower()), {})


def _version(probe: Probe | None) -> str | None:
    found = re.match(r"\d{1,3}(?:\.\d{1,3}){1,2}", ((probe.answer if probe else None) or "").strip())
    return found[0] if found else None
