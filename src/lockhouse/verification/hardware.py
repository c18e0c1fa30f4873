"""The hardware that something is proven on, and how it differs from the hardware of an earlier proof."""

from __future__ import annotations

from collections.abc import Iterator

from lockhouse.evidence import Hardware
from lockhouse.host import Device, Host
from lockhouse.plan import Plan
from lockhouse.quantities import size

__all__ = ["hardware_changes", "hardware_of"]


def hardware_of(plan: Plan, host: Host) -> Hardware:
    """Return what the environment of a plan runs on: the devices of its variant's accelerator, where they are here."""
    namespace = plan.target.accelerator
    reading = host.accelerator(namespace) if namespace else None
    if reading is None or not reading.present:
        return Hardware(accelerator=namespace)
    return Hardware(
        accelerator=namespace, driver=reading.driver, runtime=reading.runtime, devices=tuple(reading.devices)
    )


def hardware_changes(before: Hardware, now: Hardware) -> Iterator[str]:
    """Yield, in words, what has changed since a proof."""
    for what, old, new in (
        ("accelerator", before.accelerator, now.accelerator),
        ("driver", before.driver, now.driver),
        ("runtime of the driver", before.runtime, now.runtime),
        ("devices", _words(before.devices), _words(now.devices)),
    ):
        if old != new:
            yield f"{what}: {old or 'none'} then, {new or 'none'} now"


def _words(devices: tuple[Device, ...]) -> str:
    return ", ".join(map(_described, devices))


def _described(device: Device) -> str:
    # Two of one name may be different ones: cards of 40 and 80 GB, or a part of one. What is part of the processor has
    # the machine's memory, which is another number with every kernel.
    memory = size(device.memory) if device.memory is not None and not device.integrated else None
    details = ", ".join(filter(None, (device.capability, memory)))
    return f"{device.name} ({details})" if details else device.name
