"""Detect: find out what this machine is."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import lockhouse
from lockhouse.accelerators import Accelerator
from lockhouse.codec import digest_of
from lockhouse.environments.fingerprint import interpreters_fingerprint
from lockhouse.errors import PluginError
from lockhouse.events import Message
from lockhouse.host import AcceleratorReading, Host, Probe
from lockhouse.manifest import Manifest
from lockhouse.project import Project
from lockhouse.steps import Context, Step
from lockhouse.surroundings import probe_environment

if TYPE_CHECKING:
    from threading import Event

__all__ = ["detect_host", "host_fingerprint", "steps"]

BOOT = Path("/proc/sys/kernel/random/boot_id")


def steps(project: Project, manifest: Manifest) -> tuple[Step, ...]:
    """Give the step ``detect``."""
    return (
        Step(
            name="detect",
            phase="detect",
            doc="find out what this machine is and what it can run",
            outputs=(project.state / "host.json",),
            up_to_date=_up_to_date,
            done=_looked,
            run=_run,
        ),
    )


def detect_host(accelerators: Sequence[Accelerator], folder: Path, fingerprint: str) -> Host:
    """Ask the machine everything, all at once; ``folder`` says whose disk is measured."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    from lockhouse.environments.interpreters import find_interpreters
    from lockhouse.machine import platform_facts, read_resources

    stop = Event()
    with ThreadPoolExecutor(max_workers=len(accelerators) + 1, thread_name_prefix="detect") as pool:
        try:
            found = pool.submit(find_interpreters)
            answers = list(pool.map(lambda accelerator: _read(accelerator, stop), accelerators))
            interpreters = found.result()
        except BaseException:
            stop.set()  # a driver that hangs must not hold up who wants to leave
            raise
    facts = platform_facts()
    return Host(
        platform=facts.platform,
        system=facts.system,
        machine=facts.machine,
        libc=facts.libc,
        macos=facts.macos,
        platform_tags=facts.platform_tags,
        interpreters=interpreters.interpreters,
        accelerators=tuple(reading for reading, _ in answers),
        fingerprint=fingerprint,
        readings=read_resources(folder),
        probes=(*interpreters.probes, *(probe for _, probes in answers for probe in probes)),
    )


def host_fingerprint(accelerators: Sequence[Accelerator], versions: dict[str, str]) -> str:
    """Digest of everything that the answers depend on and that file look-ups can tell; no process is started.

    ``versions`` are those of the plugins: a newer one may ask better questions. A restart of the system counts,
    because devices come and go with it.
    """
    try:
        boot = BOOT.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        boot = ""
    uname = platform.uname()
    return digest_of(
        {
            "lockhouse": lockhouse.__version__,
            "plugins": versions,
            "platform": [sysconfig.get_platform(), uname.system, uname.machine, uname.release, uname.version, boot],
            "running": [sys.executable, sys.version],
            "interpreters": interpreters_fingerprint(),
            # Not only a choice of devices such as CUDA_VISIBLE_DEVICES: all that probes get to see.
            "variables": hashlib.sha256(repr(sorted(probe_environment(os.environ).items())).encode()).hexdigest(),
            "accelerators": {accelerator.namespace: _fingerprint(accelerator) for accelerator in accelerators},
        }
    )


def _up_to_date(context: Context) -> bool:
    host = context.state.read(Host)
    if host is None or host.fingerprint != _current(context):
        return False
    if not context.manifest.hosted:
        return True
    from lockhouse.hosts.keeping import is_current

    return is_current(context)


def _looked(context: Context) -> bool:
    # Not by the fingerprint: to ask a device may be what makes it appear.
    return Host in context.state.written


def _run(context: Context) -> None:
    accelerators = context.plugins.accelerators()
    # Taken first: what changes while the questions are out is then asked about again next time.
    fingerprint = _current(context)
    host = detect_host(accelerators, context.project.root, fingerprint)
    inventory = None
    if context.manifest.hosted:
        from lockhouse.hosts.keeping import renew_inventory

        inventory = renew_inventory(context)
        host = replace(host, interpreters=(inventory.interpreter,))
    context.state.write(host)
    for reading in host.accelerators:
        for note in reading.notes:
            context.emit(Message(level="info" if reading.present else "detail", text=f"{reading.namespace}: {note}"))
    for probe in host.probes:
        if probe.error:
            context.emit(Message(level="detail", text=f"{probe.name}: {probe.error}"))
    beside = f", host {inventory.prefix} with {len(inventory.effective)} distributions" if inventory else ""
    context.summarise("detect", _summary(host) + beside)


def _current(context: Context) -> str:
    found = host_fingerprint(context.plugins.accelerators(), context.plugins.versions)
    manifest = context.manifest
    # Another host is another machine: its interpreter is the only one there is.
    return digest_of([found, manifest.environment.path, manifest.python.version]) if manifest.hosted else found


def _fingerprint(accelerator: Accelerator) -> str:
    try:
        return accelerator.fingerprint()
    except PluginError as error:
        return f"failed: {error.cause}"  # a constant: failing again is no reason to ask again


def _read(accelerator: Accelerator, stop: Event) -> tuple[AcceleratorReading, tuple[Probe, ...]]:
    """Ask one accelerator's questions and let it read the answers; what fails on the way stands in the ledger."""
    from lockhouse.probing import ask

    namespace = accelerator.namespace
    probes: tuple[Probe, ...] = ()
    try:
        questions = accelerator.questions()
        probes = ask(namespace, questions, stop)
        answers = {question.name: probe for question, probe in zip(questions, probes, strict=True)}
        reading = accelerator.read(answers)
    except PluginError as error:
        text = f"{error.summary}: {error.cause}" if error.cause else error.summary
        failure = Probe(name=f"{namespace}:plugin", answer=None, seconds=0.0, error=text)
        return AcceleratorReading(namespace=namespace, present=False, notes=(text,)), (*probes, failure)
    return replace(reading, namespace=namespace), probes


def _summary(host: Host) -> str:
    parts = [host.platform]
    if host.interpreters:
        parts.append(f"Python {', '.join(dict.fromkeys(item.release for item in host.interpreters))}")
    for reading in host.accelerators:
        names = [device.name for device in reading.devices]
        for name in dict.fromkeys(names):
            count = names.count(name)
            parts.append(f"{count} x {name}" if count > 1 else name)
    return ", ".join(parts)
