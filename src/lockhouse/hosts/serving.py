"""A generation as it serves in its host: what was added there, and what has become of it and of what is protected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lockhouse.environments import Scheme
from lockhouse.environments.generations import Generation
from lockhouse.evidence import Drift
from lockhouse.hosts.additions import Additions
from lockhouse.hosts.integrity import record_faults
from lockhouse.hosts.keeping import additions_of, kept_inventory
from lockhouse.hosts.ledger import Addition
from lockhouse.inventory import Inventory
from lockhouse.steps import Context
from lockhouse.values import dataclass

__all__ = ["HostServing", "listed", "serving"]

SHOWN = 5
"""Paths that are named before the others are only counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostServing:
    """A generation as it serves in its host."""

    inventory: Inventory
    additions: Additions
    addition: Addition

    @property
    def root(self) -> Path:
        """The host's prefix."""
        return Path(self.inventory.prefix)

    @property
    def scheme(self) -> Scheme:
        """Where things are in the host."""
        places = {name: Path(path) for name, path in self.inventory.places.items()}
        return Scheme(python=Path(self.inventory.interpreter.executable), **places)

    def drift(self, *, deep: bool) -> Drift:
        """Compare what was added with what was collected; paths are relative to the addition's anchor."""
        return self.additions.drift(self.addition, deep=deep)

    def failures(self, *, deep: bool) -> tuple[str, ...]:
        """Say what has become of protected distributions since."""
        found = []
        for before in self.addition.protected:
            there = self.inventory.distribution(before.name)
            if there is None:
                found.append(f"protected {before.name} {before.version} is gone from the host")
            elif (there.version, there.record) != (before.version, before.record):
                found.append(
                    f"protected {before.name} is not what it was: {before.version} then, {there.version} now"
                    if there.version != before.version
                    else f"protected {before.name} {before.version} was installed anew: its RECORD is another one"
                )
            elif faults := sorted(set(record_faults(there, deep=deep)) - set(before.faults)):
                found.append(f"protected {before.name} {before.version} is damaged: {listed(faults)}")
        return tuple(found)


def serving(context: Context, generation: Generation) -> HostServing | None:
    """Give a generation as it serves in its host; None while it does not."""
    inventory = kept_inventory(context.project)
    if inventory is None:
        return None
    additions = additions_of(context, inventory)
    for addition in additions.ledger.of(additions.owner):
        if addition.standing in ("trial", "applied") and _is_of(addition, generation):
            return HostServing(inventory=inventory, additions=additions, addition=addition)
    return None


def _is_of(addition: Addition, generation: Generation) -> bool:
    return (addition.generation, addition.plan, addition.environment_digest) == (
        generation.number,
        generation.plan,
        generation.environment_digest,
    )


def listed(paths: Sequence[str]) -> str:
    """Name a few paths, and count the others."""
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(paths[:SHOWN]) + more
