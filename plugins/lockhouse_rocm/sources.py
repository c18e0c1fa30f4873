"""What each source says, in one form: answers may be garbage, of another release, or of another machine altogether."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lockhouse.host import Probe
from lockhouse.replies import amount, entries, json_object, json_value, label

__all__ = ["Gpu", "Source", "agents", "amd_smi", "hip", "kfd", "module_version", "rocm_smi", "rocminfo"]

MOST_DEVICES = 64
AMD = 0x1002
NODE = re.compile(r"/nodes/(\d+)/(?:mem_banks/\d+/)?properties$")
TARGET = re.compile(r"gfx[0-9]{3,4}|gfx[0-9]{2}[0-9a-f]")
MODULE = re.compile(r"\d{1,2}(?:\.\d{1,3}){2,4}")
UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
LOCAL_HEAPS = (1, 2)  # HSA_HEAPTYPE_FRAME_BUFFER_PUBLIC and _PRIVATE


@dataclass(slots=True)
class Gpu:
    """A GPU as one source tells of it; None for what it does not tell."""

    name: str | None = None
    memory: int | None = None
    target: str | None = None


@dataclass(slots=True)
class Source:
    """What one source said; empty where it said nothing.

    ``asked`` is whether it answered at all, ``failed`` what it failed with, if that means something.
    """

    driver: str | None = None
    gpus: list[Gpu] = field(default_factory=list)
    asked: bool = False
    failed: str | None = None

    def add(self, gpu: Gpu) -> None:
        """Add a GPU, if anything is told that makes it one; there may be that many and no more."""
        if (gpu.name or gpu.target) and len(self.gpus) < MOST_DEVICES:
            self.gpus.append(gpu)

    @property
    def targets(self) -> list[str | None]:
        """Targets of the GPUs, in its order."""
        return [gpu.target for gpu in self.gpus]


def kfd(probe: Probe | None) -> Source:
    """Read the kernel's topology: one node per processor and GPU (Linux, ``kfd_topology.c``)."""
    nodes: dict[int, dict[str, int]] = {}
    memory: dict[int, int] = {}
    for path, text in json_object(probe).items():
        found = NODE.search(path)
        if found is None or not isinstance(text, str):
            continue
        values = _properties(text)
        if "mem_banks" in path:
            if values.get("heap_type") in LOCAL_HEAPS:
                memory[int(found[1])] = memory.get(int(found[1]), 0) + values.get("size_in_bytes", 0)
        else:
            nodes[int(found[1])] = values
    source = Source()
    for number in sorted(nodes):
        values = nodes[number]
        encoded = values.get("gfx_target_version", 0)
        if values.get("simd_count", 0) > 0 and encoded > 0 and values.get("vendor_id", AMD) == AMD:
            source.add(Gpu(memory=memory.get(number) or None, target=_decoded(encoded)))
    return source


def amd_smi(probe: Probe | None) -> Source:
    """Read ``amd-smi static --asic --vram --driver --json``: a list, in later releases under ``gpu_data``."""
    data = json_value(probe)
    listed = data.get("gpu_data") if isinstance(data, dict) else data
    source = Source()
    for entry in entries(listed):
        asic, driver = _inner(entry, "asic"), _inner(entry, "driver")
        size = _inner(_inner(entry, "vram"), "size")
        value, unit = amount(size.get("value")), UNITS.get(str(size.get("unit")))
        source.driver = source.driver or module_version(driver.get("version"))
        source.add(
            Gpu(
                name=_name(asic.get("market_name")),
                memory=value * unit if value and unit else None,
                target=_target(asic.get("target_graphics_version")),
            )
        )
    return source


def rocm_smi(probe: Probe | None) -> Source:
    """Read ``rocm-smi … --json``: ``card0``, ``card1`` and ``system``; keys change their capitals between releases."""
    source = Source()
    data = json_object(probe)
    for name in sorted((key for key in data if re.fullmatch(r"card\d{1,3}", key)), key=lambda key: int(key[4:])):
        card = {str(key).lower(): value for key, value in _inner(data, name).items()}
        source.add(
            Gpu(
                name=_name(card.get("card series")) or _name(card.get("card model")),
                memory=amount(card.get("vram total memory (b)")),
                target=_target(card.get("gfx version")),
            )
        )
    system = {str(key).lower(): value for key, value in _inner(data, "system").items()}
    source.driver = module_version(system.get("driver version"))
    return source


def rocminfo(probe: Probe | None) -> Source:
    """Read ``rocminfo``: agents with indented fields, GPUs among them."""
    text = (probe.answer if probe else None) or ""
    source = Source(asked=bool(text))
    if found := re.search(r"ROCk module version (\S+)", text):
        source.driver = module_version(found[1])
    for block in re.split(r"^Agent \d+ *$", text, flags=re.MULTILINE)[1:]:
        fields: dict[str, str] = {}
        for line in block.splitlines():
            key, colon, value = line.partition(":")
            if colon and key.startswith("  ") and not key.startswith("   "):
                fields.setdefault(key.strip(), value.strip())
        target = _target(fields.get("Name"))
        if fields.get("Device Type") == "GPU" or (target and "Device Type" not in fields):
            pool = re.search(r"Segment:\s+GLOBAL.*\n\s+Size:\s+(\d+)", block)
            memory = int(pool[1][:18]) * 1024 if pool else None
            source.add(Gpu(name=_name(fields.get("Marketing Name")), memory=memory, target=target))
    return source


def agents(probe: Probe | None) -> Source:
    """Read ``rocm_agent_enumerator``: one target per line, ``gfx000`` for each processor."""
    lines = ((probe.answer if probe else None) or "").split()
    targets = [_target(line) for line in lines if line != "gfx000"]
    return Source(gpus=[Gpu(target=target) for target in targets[:MOST_DEVICES] if target])


def hip(probe: Probe | None) -> Source:
    """Read the answer of the HIP runtime."""
    data = json_object(probe)
    source = Source(asked=bool(data))
    for entry in entries(data.get("devices")):
        source.add(Gpu(name=_name(entry.get("name")), memory=amount(entry.get("memory"))))
    status = data.get("status")
    if isinstance(status, int) and status not in (0, 100):  # hipErrorNoDevice, also when a variable hides them all
        source.failed = f"HIP cannot be initialised: {status}"
    return source


def module_version(value: object) -> str | None:
    """Version of AMD's own kernel module; that of a kernel calls itself like the kernel (``6.8.0-52-generic``)."""
    text = value.strip() if isinstance(value, str) else ""
    return text if MODULE.fullmatch(text) else None


def _inner(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    inner = data.get(key)
    return inner if isinstance(inner, dict) else {}


def _properties(text: str) -> dict[str, int]:
    return dict(_pairs(text))


def _pairs(text: str) -> Iterator[tuple[str, int]]:
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if value.strip().isdecimal() and len(value) < 24:
            yield key, int(value)


def _decoded(encoded: int) -> str | None:
    """``gfx90a`` of 90010: major, minor and stepping in two decimal digits each, the stepping spelt in hexadecimal."""
    return _target(f"gfx{encoded // 10000}{encoded // 100 % 100}{encoded % 100:x}")


def _target(value: object) -> str | None:
    """``gfx90a`` of ``gfx90a:sramecc+:xnack-``."""
    text = value.partition(":")[0].strip().lower() if isinstance(value, str) else ""
    return text if TARGET.fullmatch(text) else None


def _name(value: object) -> str | None:
    name = label(value)
    return None if name in ("", "N/A") else name
