"""What the doctor sees of a host: what is protected there and whether it is whole, and what was added."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.utils import canonicalize_name

from lockhouse.doctor.remarks import Remark
from lockhouse.environments.generations import Generations
from lockhouse.errors import HostManaged, StorageError
from lockhouse.hosts.conditions import check_host
from lockhouse.hosts.integrity import record_faults
from lockhouse.hosts.keeping import kept_inventory
from lockhouse.hosts.kernels import find_loaded
from lockhouse.hosts.serving import serving
from lockhouse.inventory import HostDistribution, Inventory
from lockhouse.steps import Context

__all__ = ["look_at_host"]

SHOWN = 5
ADD = "run install: it adds what the manifest asks for"


def look_at_host(context: Context) -> Iterator[Remark]:
    """Look at the host of a manifest; that there is one was found out before."""
    inventory = kept_inventory(context.project)
    if inventory is None:
        return
    count = len(inventory.effective)
    text = f"host {inventory.prefix}, {count} distribution{'s' * (count != 1)}"
    yield Remark(subject="environment", state="ok", text=text)
    try:
        check_host(inventory)
    except (HostManaged, StorageError) as error:
        yield Remark(subject="environment", state="problem", text=error.summary, hint=error.hints[0].text)
    yield from _protected(context, inventory)
    yield from _added(context)


def _protected(context: Context, inventory: Inventory) -> Iterator[Remark]:
    broken = {item.distribution: item.message for item in inventory.problems}
    there: list[HostDistribution] = []
    for name in context.manifest.protect:
        found = inventory.distribution(name)
        if found is None:
            why = broken.get(canonicalize_name(name))
            text = f"{name} is to be protected, and is {f'broken: {why}' if why else 'not there'}"
            hint = "repair it" if why else f"correct the name in protect, or leave {name} out"
            yield Remark(subject="environment", state="problem" if why else "warning", text=text, hint=hint)
        elif faults := record_faults(found, deep=False):
            more = f" and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
            text = f"protected {name} {found.version} is not what its RECORD says: {', '.join(faults[:SHOWN])}{more}"
            yield Remark(
                subject="environment", state="warning", text=text, hint="have its own installer install it anew"
            )
        else:
            there.append(found)
    if there:
        named = ", ".join(f"{item.name} {item.version}" for item in there)
        yield Remark(subject="environment", state="ok", text=f"protected, and whole as their RECORDs tell: {named}")
    for program in find_loaded(there):
        text = f"{program}: if it tried to import what is added, a restart is needed"
        yield Remark(subject="environment", state="note", text=text)


def _added(context: Context) -> Iterator[Remark]:
    from lockhouse.verification.refusal import describe_drift

    current = Generations(context.project).current()
    if current is None:
        yield Remark(subject="environment", state="note", text="nothing of this manifest has been added", hint=ADD)
        return
    named = f"generation {current.number}, digest {(current.environment_digest or 'unknown')[:12]}"
    found = serving(context, current)
    if found is None:
        yield Remark(subject="environment", state="problem", text=f"{named} is not in the host", hint=ADD)
        return
    wrong = (*describe_drift(found.drift(deep=False)), *found.failures(deep=False))
    if wrong:
        text = f"{named} is not what was added: {'; '.join(wrong)}"
        hint = "run install: it adds it anew; or `lockhouse rollback 0` to take it back"
        yield Remark(subject="environment", state="problem", text=text, hint=hint)
    else:
        text = f"{named} is added, every file is the one that was"
        yield Remark(subject="environment", state="ok", text=text)
