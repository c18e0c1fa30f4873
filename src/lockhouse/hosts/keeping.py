"""The host of a project: its inventory, kept between runs, and how the host would be without what the project added."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from lockhouse.errors import InternalError
from lockhouse.events import Message
from lockhouse.hosts.additions import Additions
from lockhouse.hosts.choosing import find_host
from lockhouse.hosts.holding import hold_host
from lockhouse.hosts.ledger import Addition, Ledger
from lockhouse.hosts.taking import still_holds, take_inventory
from lockhouse.inventory import HostDistribution, Inventory
from lockhouse.project import Project
from lockhouse.state import read_value, write_value
from lockhouse.steps import Context

__all__ = [
    "added_to_host",
    "additions_of",
    "host_without",
    "is_current",
    "keep_inventory",
    "kept_inventory",
    "ledger_of",
    "owner_of",
    "renew_inventory",
]

SCHEMA = "inventory"


def kept_inventory(project: Project) -> Inventory | None:
    """The inventory that was last taken; None if there is none."""
    return read_value(_path(project), Inventory, SCHEMA)


def is_current(context: Context) -> bool:
    """Whether the inventory that was last taken still holds, and nobody's work on the host was cut off."""
    inventory = kept_inventory(context.project)
    return inventory is not None and still_holds(inventory) and not additions_of(context, inventory).unfinished()


def renew_inventory(context: Context) -> Inventory:
    """Find the host and take its inventory; what a killed run left half done there is undone or completed before."""
    manifest = context.manifest
    answer = find_host(context.project.root, manifest.environment.path, manifest.python.version)
    inventory = take_inventory(answer)
    additions = additions_of(context, inventory)
    if additions.unfinished():
        with hold_host(additions.ledger.site, context.emit):
            undone = additions.recover()
        for item in undone:
            text = f"a run of {item.manifest} that was cut off had begun to change the host: it is whole again"
            context.emit(Message(level="warning", text=text))
        inventory = take_inventory(answer)
    keep_inventory(context.project, inventory)
    for problem in inventory.problems:
        context.emit(Message(level="detail", text=f"{problem.code}: {problem.message}"))
    return inventory


def keep_inventory(project: Project, inventory: Inventory) -> None:
    """Note an inventory for the next run."""
    write_value(_path(project), inventory, SCHEMA)


def host_without(project: Project, inventory: Inventory | None = None) -> Inventory:
    """How the host would be without what the project's manifest added: what a plan is made for.

    ``inventory`` is by default the one that was last taken.
    """
    inventory = inventory or kept_inventory(project)
    if inventory is None:
        raise InternalError("a plan for a host was to be made before it was looked at")
    found = [item for item in ledger_of(inventory).of(owner_of(project)) if item.standing in ("trial", "applied")]
    return _without(inventory, found) if found else inventory


def added_to_host(project: Project) -> tuple[HostDistribution, ...]:
    """What the project's manifest has added to the host and is there now."""
    inventory = kept_inventory(project)
    if inventory is None:
        return ()
    ours = _metadata(ledger_of(inventory).of(owner_of(project)))
    return tuple(item for item in inventory.distributions if os.path.realpath(item.metadata) in ours)


def ledger_of(inventory: Inventory) -> Ledger:
    """The ledger of a host."""
    return Ledger(Path(inventory.places["purelib"]))


def additions_of(context: Context, inventory: Inventory) -> Additions:
    """What the context's manifest adds to a host."""
    return Additions(ledger_of(inventory), owner_of(context.project), context.emit)


def owner_of(project: Project) -> tuple[str, str]:
    """Whose additions a manifest's are."""
    return str(project.root), project.name


def _without(inventory: Inventory, additions: Iterable[Addition]) -> Inventory:
    ours = _metadata(additions)
    remaining = [item for item in inventory.distributions if os.path.realpath(item.metadata) not in ours]
    there = {item.metadata for item in remaining}
    remaining += [item for addition in additions for item in addition.replaced if item.metadata not in there]
    order = {os.path.realpath(site.path): place for place, site in enumerate(inventory.sites)}

    def place(item: HostDistribution) -> tuple[int, str]:
        return order.get(os.path.realpath(item.site), len(order)), os.path.basename(item.metadata)  # noqa: PTH119

    return replace(inventory, distributions=tuple(sorted(remaining, key=place)))


def _metadata(additions: Iterable[Addition]) -> frozenset[str]:
    return frozenset(os.path.realpath(item.metadata) for addition in additions for item in addition.distributions)


def _path(project: Project) -> Path:
    return project.state / "inventory.json"
