"""The blacklist judged: which of its entries count for a plan, and which distributions they name.

The download, the scan and the proof ask here, so that they never disagree. What parses requirements is imported only
for entries whose name is met: most plans meet none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from lockhouse.manifest import BlacklistEntry, Manifest
from lockhouse.names import canonical_name
from lockhouse.plan import Plan

__all__ = ["applying", "blacklisted", "covers", "never_fetched"]

NAME = re.compile(r"\s*([\w.-]+)")


def blacklisted(
    blacklist: Iterable[BlacklistEntry], plan: Plan, markers: Mapping[str, str]
) -> dict[str, tuple[BlacklistEntry, ...]]:
    """Find the planned distributions that must not come in, with the entries that say so, in plan order.

    ``markers`` is the target's PEP 508 environment.
    """
    by_name: dict[str, list[BlacklistEntry]] = {}
    for entry in blacklist:
        by_name.setdefault(_name(entry.requirement), []).append(entry)
    found: dict[str, tuple[BlacklistEntry, ...]] = {}
    for item in plan.distributions:
        named = [entry for entry in by_name.get(item.name, ()) if covers(entry.requirement, item.name, item.version)]
        if entries := applying(named, plan, markers):
            found[item.name] = entries
    return found


def never_fetched(manifest: Manifest, plan: Plan, markers: Mapping[str, str]) -> frozenset[str]:
    """Name the planned distributions that the scan refuses from metadata alone, and that nobody has to bring.

    The blacklist names them, or they would replace what the host has and the manifest protects.
    """
    protected = {canonical_name(name) for name in manifest.protect}
    replacing = {item.name for item in plan.distributions if item.replaces is not None}
    return frozenset(protected & replacing).union(blacklisted(manifest.blacklist, plan, markers))


def applying(blacklist: Iterable[BlacklistEntry], plan: Plan, markers: Mapping[str, str]) -> tuple[BlacklistEntry, ...]:
    """Give the entries that count for a plan: their marker is met, and the plan meets what they say by ``when``."""
    return tuple(
        entry
        for entry in blacklist
        if _is_met(entry.requirement, markers) and (entry.when is None or _is_planned(entry.when, plan, markers))
    )


def covers(requirement: str, name: str, version: str) -> bool:
    """Whether a requirement is for that distribution and takes that version; its marker is not looked at."""
    if _name(requirement) != canonical_name(name):
        return False
    from packaging.requirements import Requirement

    return Requirement(requirement).specifier.contains(version, prereleases=True)


def _is_met(requirement: str, markers: Mapping[str, str]) -> bool:
    """Whether the marker of a requirement, if it has one, is met."""
    if ";" not in requirement:  # else it has none
        return True
    from packaging.requirements import Requirement

    marker = Requirement(requirement).marker
    return marker is None or marker.evaluate(dict(markers))


def _is_planned(requirement: str, plan: Plan, markers: Mapping[str, str]) -> bool:
    return _is_met(requirement, markers) and any(
        covers(requirement, item.name, item.version) for item in plan.distributions
    )


def _name(requirement: str) -> str:
    match = NAME.match(requirement)
    return canonical_name(match[1]) if match else ""
