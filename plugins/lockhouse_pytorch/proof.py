"""Proof that torch computes on every device; runs alone, in the interpreter of the environment that is being proven.

A build may see a device and allocate its memory, and still have no kernels for it: then the first kernel fails. So some
are launched on each device, one of a library and some of torch's own, and their result is compared with the CPU's.
"""

from __future__ import annotations

import json  # noqa: F401 - for the line that is appended to this program
import os
from typing import Any

MEBIBYTES = 64


def prove(wanted: dict[str, Any]) -> None:
    """Raise unless torch is the build and sees the devices that are wanted, and computes rightly on each of them."""
    hiding = [name for name, values in wanted["hiding"].items() if not lifted(name, values)]
    limited = [*wanted["limits"], *hiding]
    import torch  # type: ignore[import-not-found, unused-ignore]

    backend = Backend(torch, wanted["backend"])
    expect_build(torch, backend, wanted["build"])
    assert backend.available(), f"torch {torch.__version__} finds no usable device"
    seen = [(backend.name(index), backend.capability(index)) for index in range(backend.count())]
    missing = list(wanted["devices"])
    for index, (name, capability) in enumerate(seen):
        fitting = [item for item in missing if same(item, name, capability)]
        # An RTX 4090 D would do for an RTX 4090: the one of just that name goes first.
        match = min(fitting, key=lambda item: len(item["name"] or ""), default=None)
        match = next((item for item in fitting if plain(item["name"] or "") == plain(name or "")), match)
        assert match is not None, f"device {index} is {name} ({capability}); detection saw {listed(missing)}"
        missing.remove(match)
        who = f"device {index} ({', '.join(text for text in (name, capability) if text) or 'without a name'})"
        if match["lost"]:
            say(f"{who}: not usable, as foreseen: {match['lost']}")
        else:
            say(f"{who}: {compute(torch, backend, index, who)}")
    if limited:
        say(f"{', '.join(limited)}: {len(seen)} of {len(wanted['devices'])} devices are shown to programs")
    else:
        # One that is of no use to the build need not even be shown: torch leaves some out by itself.
        missing = [item for item in missing if not item["lost"]]
        assert not missing, f"torch does not see {listed(missing)}"


def lifted(variable: str, values: list[str]) -> bool:
    """Set a variable aside that hides every device; whether it limits nothing now."""
    if os.environ.get(variable) in values:
        del os.environ[variable]
    return variable not in os.environ


class Backend:
    """One of torch's kinds of devices; what differs between them."""

    def __init__(self, torch: Any, kind: str) -> None:
        self.torch = torch
        self.kind = kind
        self.device = "cuda" if kind == "hip" else kind  # ROCm builds call their devices cuda
        self.module = getattr(torch, self.device)

    def available(self) -> bool:
        """Whether any device can be used."""
        if self.kind == "mps":
            return bool(self.torch.backends.mps.is_available())
        return bool(self.module.is_available())

    def count(self) -> int:
        """How many devices torch sees."""
        return int(self.module.device_count())

    def name(self, index: int) -> str | None:
        """Name of a device, where torch tells."""
        return None if self.kind == "mps" else str(self.module.get_device_name(index))

    def capability(self, index: int) -> str | None:
        """Compute capability or target of a device, where torch tells."""
        if self.kind == "cuda":
            return "{}.{}".format(*self.module.get_device_capability(index))
        if self.kind == "hip":  # gfx90a:sramecc+:xnack-
            return str(self.module.get_device_properties(index).gcnArchName).partition(":")[0]
        return None

    def allocated(self, index: int) -> int:
        """Bytes that tensors hold on a device."""
        if self.kind == "mps":
            return int(self.module.current_allocated_memory())
        return int(self.module.memory_allocated(index))

    def synchronise(self, index: int) -> None:
        """Wait for all kernels of a device."""
        if self.kind == "mps":
            self.module.synchronize()
        else:
            self.module.synchronize(index)

    def architectures(self) -> list[str]:
        """What the build has code for; empty where it does not tell."""
        tell = getattr(self.module, "get_arch_list", None)
        return [] if tell is None else [str(item) for item in tell()]

    def covers(self, architectures: list[str], capability: str) -> bool:
        """Whether the build has code for a device."""
        if self.kind == "cuda":
            major, _, minor = capability.partition(".")
            return covered(architectures, (int(major), int(minor)))
        if self.kind == "hip":
            return not architectures or capability in architectures
        return True  # Intel's code is translated for the device where there is no binary for it


def expect_build(torch: Any, backend: Backend, build: str | None) -> None:
    """Raise unless torch was built for the backend, and with the wanted version of its toolkit."""
    if backend.kind == "mps":
        assert torch.backends.mps.is_built(), f"torch {torch.__version__} is a build without MPS"
        return
    built = getattr(torch.version, backend.kind, None)
    if backend.kind == "xpu" and not hasattr(torch.version, "xpu"):
        return  # releases before 2.6 do not tell
    assert built is not None, f"torch {torch.__version__} is a build without {backend.kind.upper()}"
    if build is not None:
        assert str(built).split(".")[:2] == build.split(".")[:2], (
            f"torch {torch.__version__} is built with {backend.kind.upper()} {built}, not {build}"
        )


def same(expected: dict[str, Any], name: str | None, capability: str | None) -> bool:
    """Whether a device may be one that detection saw: what both know must agree."""
    if expected["capability"] and capability and expected["capability"] != capability:
        return False
    return not expected["name"] or not name or plain(expected["name"]) in plain(name)


def plain(name: str) -> str:
    """A name as tools agree on it; a part of a partitioned device (MIG) is called like the device, and more."""
    words = name.replace("(R)", " ").replace("(TM)", " ").lower().split()
    return " ".join(word for word in words if word not in ("nvidia", "amd", "intel"))


def listed(devices: list[dict[str, Any]]) -> str:
    """Names and capabilities in one line."""
    return ", ".join(f"{item['name'] or 'a device'} ({item['capability']})" for item in devices) or "no more"


def compute(torch: Any, backend: Backend, index: int, who: str) -> str:
    """Raise unless memory can be had and given back and kernels give what the CPU gives; return what was done."""
    architectures = backend.architectures()
    capability = backend.capability(index)
    if capability is not None:
        assert backend.covers(architectures, capability), (
            f"{who}: torch {torch.__version__} has code for {architectures}"
        )
    device = torch.device(backend.device, index)
    before = backend.allocated(index)
    block = torch.empty(MEBIBYTES << 20, dtype=torch.uint8, device=device)
    held = backend.allocated(index) - before
    assert held >= MEBIBYTES << 20, f"{who}: {MEBIBYTES} MiB were asked for, {held} bytes were allocated"
    del block
    assert backend.allocated(index) <= before, f"{who}: memory that was freed is still allocated"
    if backend.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
    generator = torch.Generator().manual_seed(1)
    left, right = (torch.rand(256, 256, generator=generator) for _ in range(2))
    result = (left.to(device) @ right.to(device) * 2 - 1).cpu()
    backend.synchronise(index)
    assert torch.allclose(result, left @ right * 2 - 1, rtol=1e-3, atol=1e-2), f"{who} computes wrong results"
    code = " ".join(architectures) or "not told"
    return f"allocated and freed {MEBIBYTES} MiB, computed what the CPU computes; architectures of the build: {code}"


def covered(architectures: list[str], capability: tuple[int, int]) -> bool:
    """Whether a build has code for a device: a binary of the same major capability, or PTX of an older one."""
    for architecture in architectures:
        kind, _, number = architecture.partition("_")
        digits = number.rstrip("abcdefghijklmnopqrstuvwxyz")
        if not digits.isdigit():
            continue
        major, minor = int(digits[:-1] or 0), int(digits[-1])
        if number != digits and (major, minor) != tuple(capability):
            # sm_90a runs on 9.0 alone; the family code sm_100f on later devices of its family as well.
            if not (number.endswith("f") and major == capability[0] and minor <= capability[1]):
                continue
            return True
        if kind == "sm" and major == capability[0] and minor <= capability[1]:
            return True
        if kind == "compute" and (major, minor) <= tuple(capability):
            return True
    return not architectures  # a build that does not tell is judged by the kernel alone


def say(line: str) -> None:
    """Print a line of evidence."""
    os.write(1, f"{line}\n".encode())
