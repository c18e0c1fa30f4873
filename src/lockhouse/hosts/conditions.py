"""What must hold of a host before something is added to it, while that is done, and after."""

from __future__ import annotations

import os
from collections.abc import Mapping

from lockhouse.errors import BuildError, CheckFailed, Hint, HostManaged, StorageError
from lockhouse.evidence import Drift
from lockhouse.hosts.integrity import FileState, changes_since
from lockhouse.hosts.serving import HostServing, listed
from lockhouse.inventory import Inventory
from lockhouse.plan import Plan
from lockhouse.wheels.configuration import read_pip_configuration

__all__ = ["check_given", "check_host", "check_serving", "check_untouched"]


def check_host(inventory: Inventory) -> None:
    """Make sure that a host may be added to; raises HostManaged, StorageError."""
    if inventory.managed is not None and not read_pip_configuration().break_system_packages:
        raise HostManaged(
            f"{inventory.prefix} belongs to the system's package manager, and nothing is added to it",
            cause=inventory.managed or "it is marked EXTERNALLY-MANAGED (PEP 668)",
            hints=[
                Hint("own-environment", "let environment.path name a virtual environment, or use provider 'venv'"),
                Hint(
                    "break-system-packages",
                    "if you want this, and know how to mend it, say so to pip and lockhouse alike: "
                    "PIP_BREAK_SYSTEM_PACKAGES=1",
                ),
            ],
        )
    site = inventory.places["purelib"]
    if not os.access(site, os.W_OK | os.X_OK):
        raise StorageError(
            f"nothing can be added to {inventory.prefix}",
            cause=f"{site} {'cannot be written to' if os.path.isdir(site) else 'does not exist'}",  # noqa: PTH112
            hints=[Hint("own-environment", "run as its owner, or let environment.path name an environment of yours")],
        )


def check_given(plan: Plan, base: Inventory) -> None:
    """Make sure that a host is what was planned for: somebody may have changed it since. Raises BuildError."""
    changes = [
        f"{item.name} is {there.version if there else 'gone'}, planned was {item.version}"
        for item in plan.given or ()
        if (there := base.distribution(item.name)) is None or there.version != item.version
    ]
    changes += [
        f"{item.name} {there.version} has come"
        for item in plan.distributions
        if (there := base.distribution(item.name)) is not None and there.version != item.replaces
    ]
    if changes:
        raise BuildError(
            "the host was changed while lockhouse worked",
            cause="\n".join(changes),
            hints=[Hint("run-again", "run the command again: it plans for the host as it is now")],
        )


def check_untouched(before: Mapping[str, FileState]) -> None:
    """Make sure that files are what they were ``before``; raises CheckFailed."""
    changed = changes_since(before)
    if changed:
        raise CheckFailed(
            f"{len(changed)} protected file{'s' * (len(changed) != 1)} of the host changed meanwhile",
            cause=listed(changed),
            hints=[Hint("find-who", "find out who else works on the host, and run the command again")],
        )


def check_serving(found: HostServing | None) -> None:
    """Make sure that what was put in place is there, as it was collected; raises CheckFailed.

    Else somebody else works on the host.
    """
    from lockhouse.verification.refusal import describe_drift

    drift = found.drift(deep=False) if found is not None else Drift()
    failures = found.failures(deep=False) if found is not None else ("what was added is not found there",)
    if drift or failures:
        raise CheckFailed("the host is not what was made of it", cause="\n".join((*describe_drift(drift), *failures)))
