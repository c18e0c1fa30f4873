"""What the doctor sees of this machine: lockhouse itself, its plugins and caches, interpreters and accelerators."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from lockhouse import __version__
from lockhouse.choice import choose_variant
from lockhouse.doctor.remarks import Remark
from lockhouse.host import Host
from lockhouse.plugins import PluginRecord
from lockhouse.project import cache_directory
from lockhouse.quantities import size
from lockhouse.steps import Context

__all__ = ["look_at_accelerators", "look_at_caches", "look_at_lockhouse", "look_at_machine", "look_at_plugins"]

LITTLE = 5 << 30
"""Bytes of free disk below which the wheels of a CUDA build of torch, and what they unpack to, find no room."""


def look_at_lockhouse() -> Iterator[Remark]:
    """Look at the tool: which it is, what runs it, and the resolver that it needs."""
    where = f"Python {platform.python_version()} at {sys.executable}"
    yield Remark(subject="lockhouse", state="ok", text=f"lockhouse {__version__}, {where}")
    try:
        yield Remark(subject="lockhouse", state="ok", text=f"the resolver is uv {version('uv')}")
    except PackageNotFoundError:
        hint = "install lockhouse again, with its dependencies"
        yield Remark(subject="lockhouse", state="problem", text="the resolver, uv, is not installed", hint=hint)


def look_at_plugins(records: Sequence[PluginRecord]) -> Iterator[Remark]:
    """Look at the plugins: one that failed may be the one that was needed."""
    active = [record.name for record in records if record.status == "active"]
    yield Remark(subject="plugins", state="ok", text=f"active: {', '.join(active) or 'none'}")
    for record in records:
        if record.status == "disabled":
            yield Remark(subject="plugins", state="note", text=f"{record.name} is switched off")
        elif record.status == "failed":
            whose = f"{record.name} {record.version}".strip()
            yield Remark(
                subject="plugins",
                state="warning",
                text=f"{whose} cannot be used: {record.reason}",
                hint=f"mend or remove {record.distribution or record.name}; lockhouse goes on without it",
            )


def look_at_machine(context: Context, host: Host) -> Iterator[Remark]:
    """Look at platform, room, and the interpreter that the manifest wants."""
    readings = host.readings
    known = ", ".join(filter(None, (host.platform, host.libc, host.macos and f"macOS {host.macos}")))
    memory = f"{size(readings.memory_available)} of {size(readings.memory_total)} memory available"
    yield Remark(subject="machine", state="ok", text=f"{known}, {memory}")
    free = f"{size(readings.disk_free)} free where the environment stands"
    if readings.disk_free < LITTLE:
        hint = "`lockhouse clean` frees what no environment uses"
        yield Remark(subject="machine", state="warning", text=f"only {free}", hint=hint)
    else:
        yield Remark(subject="machine", state="ok", text=free)
    choice = choose_variant(
        context.manifest, host, context.plugins.accelerators(), context.options.selection.accelerator
    )
    wanted = context.manifest.python_version(choice.variant or "")
    interpreter = host.interpreter(wanted)
    if interpreter is not None:
        text = f"Python {interpreter.version} at {interpreter.executable} is what the manifest wants"
        yield Remark(subject="machine", state="ok", text=text)
    else:
        there = ", ".join(dict.fromkeys(item.version for item in host.interpreters)) or "none"
        yield Remark(
            subject="machine",
            state="problem",
            text=f"there is no Python {wanted}, which the manifest wants; there: {there}",
            hint=f"install Python {wanted} where PATH leads, or change python.version",
        )


def look_at_accelerators(context: Context, host: Host) -> Iterator[Remark]:
    """Look at devices and drivers, and at the variant that follows."""
    for reading in host.accelerators:
        if reading.present:
            devices = ", ".join(dict.fromkeys(device.name for device in reading.devices)) or "present"
            driver = f", driver {reading.driver}" if reading.driver else ""
            count = f"{len(reading.devices)} x " if len(reading.devices) > 1 else ""
            yield Remark(subject="accelerators", state="ok", text=f"{reading.namespace}: {count}{devices}{driver}")
        for note in reading.notes:
            yield Remark(subject="accelerators", state="note", text=f"{reading.namespace}: {note}")
    choice = choose_variant(
        context.manifest, host, context.plugins.accelerators(), context.options.selection.accelerator
    )
    if choice.variant is None:
        why = "; ".join(f"{item.variant}: {item.reason}" for item in choice.considered)
        hint = "add a variant that this machine supports (cpu fits everywhere), or choose one with -a"
        text = f"no variant of the manifest fits this machine: {why or choice.reason}"
        yield Remark(subject="accelerators", state="problem", text=text, hint=hint)
    else:
        yield Remark(subject="accelerators", state="ok", text=f"variant {choice.variant}: {choice.reason}")
    for lost in choice.lost:
        yield Remark(subject="accelerators", state="warning", text=f"the variant would not use {lost}")


def look_at_caches(context: Context) -> Iterator[Remark]:
    """Look at the user's cache and the project's wheelhouse: room, rights, and how files get into environments."""
    folder = cache_directory()
    standing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(standing, os.W_OK):
        hint = "make it writable, or name another folder with LOCKHOUSE_CACHE_DIR"
        yield Remark(subject="caches", state="problem", text=f"{standing} cannot be written to", hint=hint)
    else:
        from lockhouse.store import Store

        entries = Store().entries()
        used = f"{len(entries)} wheels unpacked, {size(sum(entry.size for entry in entries))}"
        free = size(shutil.disk_usage(standing).free)
        yield Remark(subject="caches", state="ok", text=f"{folder}: {used}, {free} free")
        if standing.stat().st_dev != context.project.root.stat().st_dev:
            yield Remark(
                subject="caches",
                state="note",
                text="cache and project are on different file systems: files are copied, not linked",
                hint="name a folder beside the project with LOCKHOUSE_CACHE_DIR: links are faster, and take no room",
            )
    wheels = [path.stat().st_size for path in context.project.wheelhouse.glob("*.whl")]
    yield Remark(subject="caches", state="ok", text=f"wheelhouse: {len(wheels)} wheels, {size(sum(wheels))}")
