"""Recorded machines: what every source of one accelerator answered there, and what is to be made of it.

One JSON file per machine in a folder named like the accelerator's namespace:

* ``about``: one sentence about the machine;
* ``answers``: by name of the question, ``{"answer": text}`` or ``{"error": why there is none}``;
* ``commands``: by command line (``npu-smi info -m``), or by program for whatever it is called with, ``output`` and
  ``complaint`` (standard error), exit ``status``, and ``hangs`` for one that never ends; ``files``: contents by path.
  Questions that ``answers`` does not know are answered from these, as lockhouse itself would;
* ``variables``: environment variables of the machine;
* ``reading``: what must come of them, ``present``, ``driver``, ``runtime`` and ``devices`` as lists of name, memory in
  bytes and capability;
* ``supports``: which variants the machine runs, by name; ``reasons`` may say with which words;
* ``notes``: the notes of the reading, null where they do not matter;
* ``host``, where it is not a Linux PC: ``system``, ``machine``, ``macos`` as in :class:`~lockhouse.host.Host`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from lockhouse.accelerators import Accelerator, Question
from lockhouse.codec import decode, encode
from lockhouse.host import AcceleratorReading, Host, Probe, Readings

__all__ = [
    "ExpectedReading",
    "RecordedAnswer",
    "RecordedCommand",
    "RecordedHost",
    "RecordedMachine",
    "load_machine",
    "load_machines",
]

STAND_IN = """#!{python} -IS
import json, sys, time
recorded = json.loads({recorded!r})
line = " ".join(sys.argv[1:])
found = recorded.get(line, recorded.get("*"))
if found is None:
    sys.exit("not recorded: " + line)
sys.stdout.write(found["output"])
sys.stderr.write(found["complaint"])
sys.stdout.flush()
if found["hangs"]:
    time.sleep(3600)
sys.exit(found["status"])
"""
"""A program that does what a recorded one did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAnswer:
    """What one question brought: an answer, or the reason why there was none."""

    answer: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCommand:
    """What a program did: ``complaint`` is its standard error; one that ``hangs`` says its output and never ends."""

    output: str = ""
    complaint: str = ""
    status: int = 0
    hangs: bool = False


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
    reading: ExpectedReading
    supports: Mapping[str, bool]
    answers: Mapping[str, RecordedAnswer] = field(default_factory=dict)
    commands: Mapping[str, RecordedCommand] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] | None = None
    host: RecordedHost = RecordedHost()
    name: str = ""
    namespace: str = ""

    def probes(self, questions: Sequence[Question] = ()) -> dict[str, Probe]:
        """Give the ledger of the machine, by name of the question; ``questions`` are answered from what is recorded."""
        said = {question.name: self._answer(question) for question in questions} | dict(self.answers)
        return {
            name: Probe(name=f"{self.namespace}:{name}", answer=told.answer, seconds=0.0, error=told.error)
            for name, told in said.items()
        }

    def replay(self, accelerator: Accelerator) -> AcceleratorReading:
        """Have an accelerator read the answers."""
        return accelerator.read(self.probes(accelerator.questions() if self.commands or self.files else ()))

    def put_on_path(self, folder: Path) -> dict[str, str]:
        """Write programs that do what the recorded commands did; give the variables that make a run find them first.

        Where programs are no scripts, on Windows, there is none.
        """
        programs: dict[str, dict[str, RecordedCommand]] = {}
        for line, command in self.commands.items():
            program, _, arguments = line.partition(" ")
            programs.setdefault(program, {})[arguments or "*"] = command
        folder.mkdir(parents=True, exist_ok=True)
        for program, recorded in programs.items():
            path = folder / program
            path.write_text(STAND_IN.format(python=sys.executable, recorded=json.dumps(encode(recorded))))
            path.chmod(0o755)
        return {**self.variables, "PATH": os.pathsep.join((str(folder), os.environ.get("PATH", os.defpath)))}

    def _answer(self, question: Question) -> RecordedAnswer:
        match question.kind:
            case "command":
                return self._of_command(question)
            case "file":
                content = self.files.get(question.ask[0])
                return RecordedAnswer(error="No such file or directory") if content is None else _said(content)
            case "files":
                fitting = (path for path in sorted(self.files) if any(_fits(path, one) for one in question.ask))
                return _said(json.dumps({path: self.files[path] for path in fitting}))
            case "python":
                return RecordedAnswer(error=f"exit status 1: nobody recorded what {question.name} answers")

    def _of_command(self, question: Question) -> RecordedAnswer:
        found = self.commands.get(" ".join(question.ask), self.commands.get(question.ask[0]))
        if found is None:
            return RecordedAnswer(error=f"FileNotFoundError: [Errno 2] No such file or directory: {question.ask[0]!r}")
        if found.hangs:
            return RecordedAnswer(error=f"no answer within {question.timeout:g} s; stopped")
        if found.status:
            lines = (found.complaint.strip() or found.output.strip()).splitlines()
            return RecordedAnswer(error=": ".join((f"exit status {found.status}", *lines[-1:])))
        return _said(found.output)

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


def _fits(path: str, pattern: str) -> bool:
    """As :mod:`glob` sees it: no wildcard stands for a separator."""
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _said(answer: str) -> RecordedAnswer:
    return RecordedAnswer(answer=answer)


def _platform(host: RecordedHost) -> str:
    if host.system == "Windows":
        return "win_amd64"
    if host.system == "Darwin":
        return f"macosx_{(host.macos or '14.0').replace('.', '_')}_{host.machine}"
    return f"{host.system.lower()}_{host.machine}"
