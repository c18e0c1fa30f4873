"""The GPU of a Mac as lockhouse sees it: one variant, ``mps``, whose builds are those that everybody gets on a Mac."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lockhouse.accelerators import Question, Support
from lockhouse.host import AcceleratorReading, Host, Probe
from lockhouse.manifest import Check
from lockhouse_pytorch import index
from lockhouse_pytorch.versions import parse

__all__ = ["MetalAccelerator", "oldest_macos"]

DATA = Path(__file__).with_name("data") / "macos.json"


@dataclass(frozen=True, slots=True)
class MetalAccelerator:
    """The GPU of a Mac with Apple silicon, through Metal Performance Shaders (torch's ``mps``)."""

    namespace: str = "mps"

    @property
    def family(self) -> frozenset[str]:
        """What PyTorch publishes."""
        return index.family()

    @property
    def labelled(self) -> frozenset[str]:
        """Nothing: builds for macOS carry no label."""
        return index.labelled("mps")

    def questions(self) -> Sequence[Question]:
        """Ask the kernel, the system's version, and the display adapters."""
        from lockhouse_metal.questions import questions

        return questions()

    def fingerprint(self) -> str:
        """Version of macOS and kind of processor, as this interpreter sees it."""
        return f"{platform.mac_ver()[0]}:{platform.machine()}"

    def read(self, answers: Mapping[str, Probe]) -> AcceleratorReading:
        """Make sense of the answers."""
        from lockhouse_metal.reading import read

        return read(answers)

    def claims(self, variant: str) -> bool:
        """Claim ``mps`` and nothing else."""
        return variant == "mps"

    def support(self, variant: str, reading: AcceleratorReading, host: Host) -> Support:
        """Look at processor, interpreter and version of macOS; newer torch releases need a newer one."""
        if host.system != "Darwin":
            return Support(supported=False, reason="Metal is there on Macs only")
        if not reading.present:
            return Support(
                supported=False, reason="; ".join(reading.notes) or "nobody could tell which processor this is"
            )
        macos = (reading.driver or "").removeprefix("macOS ") or host.macos or ""
        oldest = oldest_macos()
        if macos and parse(macos) < parse(min(oldest.values(), key=parse)):
            needed = min(oldest.values(), key=parse)
            return Support(supported=False, reason=f"macOS {macos} is too old: torch needs {needed} or newer for Metal")
        reason = ", ".join((*dict.fromkeys(device.name for device in reading.devices), f"macOS {macos or 'unknown'}"))
        later = next(
            ((torch, needed) for torch, needed in oldest.items() if macos and parse(needed) > parse(macos)), None
        )
        if later is not None:
            reason += f"; torch {later[0]} and later need macOS {later[1]}"
        return Support(supported=True, reason=reason)

    def variants(self, reading: AcceleratorReading, host: Host) -> Sequence[str]:
        """The only one there is, where it is supported."""
        return ["mps"] if self.support("mps", reading, host).supported else []

    def index_url(self, variant: str) -> str | None:
        """None: the builds for macOS are those of the default index."""
        return None

    def label(self, variant: str, host: Host) -> str | None:
        """None: builds for macOS carry no label."""
        return None

    def checks(self, variant: str, reading: AcceleratorReading) -> Sequence[Check]:
        """One check: torch, if the environment has it, computes on the GPU."""
        from lockhouse_pytorch.check import Expected, torch_check

        devices = [Expected(name=device.name, capability=None) for device in reading.devices]
        return (torch_check("mps", devices, backend="mps"),)

    def build_settings(self, distribution: str, variant: str, reading: AcceleratorReading) -> Mapping[str, str]:
        """Variables by which source builds are told to use Metal, for the processor that has it."""
        if distribution == "llama-cpp-python":
            flags = "-DGGML_METAL=on -DCMAKE_OSX_ARCHITECTURES=arm64 -DCMAKE_APPLE_SILICON_PROCESSOR=arm64"
            return {"CMAKE_ARGS": flags, "FORCE_CMAKE": "1", "ARCHFLAGS": "-arch arm64"}
        return {"ARCHFLAGS": "-arch arm64"}


@cache
def oldest_macos() -> dict[str, str]:
    """Load the table: torch release to the oldest macOS that it uses Metal on, releases in ascending order."""
    rows: dict[str, str] = json.loads(DATA.read_text(encoding="utf-8"))["oldest-macos"]
    return dict(sorted(rows.items(), key=lambda row: parse(row[0])))
