"""What is here: facts about the machine, and the ledger of every answer they were derived from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cached_property

from lockhouse.codec import digest_of, encode
from lockhouse.errors import InterpreterNotFound
from lockhouse.values import dataclass

__all__ = ["AcceleratorReading", "Device", "Host", "Interpreter", "Probe", "Readings"]

KERNEL_MARKERS = frozenset({"platform_release", "platform_version"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One question and what came back.

    ``name`` is ``<namespace>:<question>`` (``cuda:nvml``); ``answer`` is None when ``error`` says why there is none.
    """

    name: str
    answer: str | None
    seconds: float
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """An accelerator device. ``memory`` in bytes; ``capability`` in the vendor's words: ``9.0``, ``gfx942``.

    ``integrated`` is one that is part of the processor; its memory is the machine's.
    """

    index: int
    name: str
    memory: int | None = None
    capability: str | None = None
    integrated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceleratorReading:
    """What one accelerator plugin made of its probes.

    ``driver`` is the driver's version; ``runtime`` the newest runtime the driver supports by itself (for CUDA the
    driver's own CUDA version, ``12.4``). ``notes`` are disagreements and oddities, for people. ``toolkits`` are the
    compilers for it that are installed, version to folder; they say nothing about the driver. ``features`` are what a
    provider of variants (PEP 817) says is supported here: values by name of the feature, the best first.
    """

    namespace: str
    present: bool
    driver: str | None = None
    runtime: str | None = None
    devices: tuple[Device, ...] = ()
    notes: tuple[str, ...] = ()
    toolkits: Mapping[str, str] = field(default_factory=dict)
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python interpreter: ``version`` is the full one, ``markers`` its PEP 508 environment."""

    executable: str
    version: str
    implementation: str
    markers: Mapping[str, str]

    @property
    def release(self) -> str:
        """``3.11`` of ``3.11.7``."""
        return ".".join(self.version.split(".")[:2])

    @property
    def tag(self) -> str:
        """The interpreter tag of wheels: ``cp311``."""
        short = {"cpython": "cp", "pypy": "pp"}.get(self.implementation, self.implementation)
        return short + self.release.replace(".", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What changes from minute to minute, in bytes; not part of the digest."""

    memory_total: int
    memory_available: int
    disk_free: int
    cpus: int


@dataclass(frozen=True, kw_only=True)
class Host:
    """The machine as far as environments depend on it.

    ``platform`` is the platform as lock names have it (``linux_x86_64``); ``platform_tags`` are the wheel platform
    tags that it accepts, best first; ``libc`` is ``glibc 2.36``, ``musl 1.2`` or None; ``macos`` its version or None.
    """

    platform: str
    system: str
    machine: str
    libc: str | None
    macos: str | None
    platform_tags: tuple[str, ...]
    interpreters: tuple[Interpreter, ...]
    accelerators: tuple[AcceleratorReading, ...]
    fingerprint: str
    readings: Readings
    probes: tuple[Probe, ...]

    @cached_property
    def digest(self) -> str:
        """Identity of the facts; readings, timings and the ledger do not count.

        Neither does the release of the kernel, which markers know: an update of it changes no environment.
        """
        interpreters = [
            {**encode(item), "markers": {key: item.markers[key] for key in item.markers if key not in KERNEL_MARKERS}}
            for item in self.interpreters
        ]
        return digest_of(
            {
                "platform": self.platform,
                "libc": self.libc,
                "macos": self.macos,
                "platform-tags": self.platform_tags,
                "interpreters": interpreters,
                "accelerators": self.accelerators,
            }
        )

    def accelerator(self, namespace: str) -> AcceleratorReading | None:
        """What the plugin of that namespace read, or None if there is no such plugin."""
        return next((reading for reading in self.accelerators if reading.namespace == namespace), None)

    def interpreter(self, version: str) -> Interpreter | None:
        """The first interpreter of ``3.11`` (any patch release) or ``3.11.7`` (that one)."""
        for interpreter in self.interpreters:
            if version in (interpreter.version, interpreter.release):
                return interpreter
        return None

    def required_interpreter(self, version: str) -> Interpreter:
        """The same, where there is no going on without: raises InterpreterNotFound that names those there are."""
        interpreter = self.interpreter(version)
        if interpreter is None:
            there = ", ".join(dict.fromkeys(item.version for item in self.interpreters))
            raise InterpreterNotFound(version, cause=f"interpreters found: {there or 'none'}")
        return interpreter
