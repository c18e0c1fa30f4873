"""Recorded machines: what every source of one accelerator answered there, and what is to be made of it.

One JSON file per machine in a folder named like the accelerator's namespace:

* ``about``: one sentence about the machine;
* ``answers``: by name of the question, ``{"answer": text}`` or ``{"error": why there is none}``;
* ``reading``: what must come of them, ``present``, ``driver``, ``runtime`` and ``devices`` as lists of name, memory in
  bytes and capability;
* ``supports``: which variants the machine runs, by name; ``reasons`` may say with which words;
* ``notes``: the notes of the reading, null where they do not matter;
* ``host``, where it is not a Linux PC: ``system``, ``machine``, ``macos`` as in :class:`~lockhouse.host.Host`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lockhouse.accelerators import Accelerator
from lockhouse.codec import decode
from lockhouse.host import AcceleratorReading, Host, Probe, Readings

__all__ = ["ExpectedReading", "RecordedAnswer", "RecordedHost", "RecordedMachine", "load_machine", "load_machines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAnswer:
    """What one question brought: an answer, or the reason why there was none."""

    answer: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedReading:
    """What must be made of the answers; of a device its name, memory in bytes and capability."""

    present: bool
    driver: str | None = None
    runtime: str | None = None
    devices: tuple[tuple[str | int | None, ...], ...] = ()

    @classmethod
    def of(cls, reading: AcceleratorReading) -> ExpectedReading:
        """Write a reading in the form in which it is expected."""
        return cls(
            present=reading.present,
            driver=reading.driver,
            runtime=reading.runtime,
            devices=tuple((device.name, device.memory, device.capability) for device in reading.devices),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedHost:
    """The platform of the machine."""

    system: str = "Linux"
    machine: str = "x86_64"
    macos: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedMachine:
    """One file; ``name`` and ``namespace`` are those of the file and of its folder."""

    about: str
    answers: Mapping[str, RecordedAnswer]
    reading: ExpectedReading
    supports: Mapping[str, bool]
    reasons: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] | None = None
    host: RecordedHost = RecordedHost()
    name: str = ""
    namespace: str = ""

    def probes(self) -> dict[str, Probe]:
        """Give the ledger of the machine, by name of the question."""
        return {
            name: Probe(name=f"{self.namespace}:{name}", answer=said.answer, seconds=0.0, error=said.error)
            for name, said in self.answers.items()
        }

    def replay(self, accelerator: Accelerator) -> AcceleratorReading:
        """Have an accelerator read the answers."""
        return accelerator.read(self.probes())

    def host_with(self, *readings: AcceleratorReading) -> Host:
        """Make the host that the machine is, with what accelerators read there."""
        return Host(
            platform=_platform(self.host),
            system=self.host.system,
            machine=self.host.machine,
            libc="glibc 2.36" if self.host.system == "Linux" else None,
            macos=self.host.macos,
            platform_tags=(),
            interpreters=(),
            accelerators=readings,
            fingerprint="recorded",
            readings=Readings(memory_total=1 << 34, memory_available=1 << 33, disk_free=1 << 38, cpus=8),
            probes=tuple(self.probes().values()),
        )


def load_machine(path: Path) -> RecordedMachine:
    """Read one recorded machine; raises DecodeError with the place of what does not fit."""
    machine = decode(RecordedMachine, json.loads(path.read_text(encoding="utf-8")), path.name)
    return replace(machine, name=path.stem, namespace=path.parent.name)


def load_machines(folder: Path) -> tuple[RecordedMachine, ...]:
    """Read the machines of one accelerator, in order of their names."""
    return tuple(load_machine(path) for path in sorted(folder.glob("*.json")))


def _platform(host: RecordedHost) -> str:
    if host.system == "Windows":
        return "win_amd64"
    if host.system == "Darwin":
        return f"macosx_{(host.macos or '14.0').replace('.', '_')}_{host.machine}"
    return f"{host.system.lower()}_{host.machine}"
