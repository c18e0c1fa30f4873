"""What ``detect`` says to people: the machine, its devices, and every variant of the manifest, yes or no and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lockhouse.choice import Choice, Consideration
from lockhouse.host import AcceleratorReading, Device, Host
from lockhouse.quantities import size
from lockhouse.terminal.documents import choice_of

if TYPE_CHECKING:
    from lockhouse.terminal.answers import Page

__all__ = ["detected"]


def detected(page: Page) -> Iterator[str]:
    """Give the lines of the answer."""
    host = page.record.value(Host)
    if host is None:
        return
    choice = choice_of(page.context, host)
    version = page.context.manifest.python_version(choice.variant or "")
    interpreter = host.interpreter(version)
    python = f"{interpreter.version} at {interpreter.executable}" if interpreter else f"{version} was not found"
    readings = host.readings
    yield from page.pairs(
        [
            ("platform", ", ".join(filter(None, (host.platform, host.libc, host.macos and f"macOS {host.macos}")))),
            ("python", python),
            ("memory", f"{size(readings.memory_available)} available of {size(readings.memory_total)}"),
            ("disk", f"{size(readings.disk_free)} free"),
            *_accelerators(host.accelerators),
            ("variant", f"{choice.variant or 'none fits'}: {choice.reason}"),
        ]
    )
    if choice.considered:
        yield ""
        yield from page.pairs([(item.variant, _verdict(item, choice)) for item in choice.considered])
    if page.debug:
        yield ""
        header = ("PROBE", "SECONDS", "ANSWER")
        told = [(probe.name, f"{probe.seconds:.2f}", probe.answer or f"none: {probe.error}") for probe in host.probes]
        yield from page.table([header, *told])


def _accelerators(readings: Sequence[AcceleratorReading]) -> Iterator[tuple[str, str]]:
    """Those that are here, or that there is something to say of; the others in one line."""
    absent = []
    for reading in readings:
        if reading.present:
            yield reading.namespace, _reading(reading)
        elif reading.notes:
            yield reading.namespace, "; ".join(("not usable" if reading.devices else "not found", *reading.notes))
        else:
            absent.append(reading.namespace)
    if absent:
        yield "not found", ", ".join(absent)


def _reading(reading: AcceleratorReading) -> str:
    devices: dict[str, int] = {}
    for device in reading.devices:
        text = _device(device)
        devices[text] = devices.get(text, 0) + 1
    parts = [
        *(f"{count} x {text}" if count > 1 else text for text, count in devices.items()),
        reading.driver and f"driver {reading.driver}",
        reading.runtime and f"runtime {reading.runtime}",
        *reading.notes,
    ]
    return "; ".join(filter(None, parts)) or "present"


def _device(device: Device) -> str:
    memory = size(device.memory) if device.memory else None
    integrated = "part of the processor" if device.integrated else None
    return ", ".join(filter(None, (device.name, memory, device.capability, integrated)))


def _verdict(item: Consideration, choice: Choice) -> str:
    """Yes or no, whether it was taken, and why."""
    answer = "yes" if item.supported else "no"
    if item.variant == choice.variant:
        answer += ", taken" if choice.rule == "first-supported" else ", taken because of the override"
    return f"{answer}: {item.reason}"
