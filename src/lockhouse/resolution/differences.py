"""What differs between a manifest and a lock that was made from an earlier one, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockhouse.lockfile import Lock
from lockhouse.manifest import CREATE_STAGE, Manifest
from lockhouse.resolution.routing import wishes_of

__all__ = ["differences"]


def differences(manifest: Manifest, lock: Lock) -> Iterator[str]:
    """Yield what the manifest asks for and the lock does not have, or the other way round."""
    omitted = {stage.name for stage in lock.omitted}
    variant = manifest.variant(lock.target.variant)
    wanted: dict[str, tuple[str, str]] = {
        canonicalize_name(Requirement(wish.requirement).name): (wish.requirement, stage)
        for stage, wish in wishes_of(manifest, variant)
        if stage not in omitted
    }
    locked = {
        item.name: (item.requirement, item.stage)
        for item in lock.distributions
        if item.requirement is not None and (item.stage != CREATE_STAGE or item.name in wanted)
    }
    given = {item.name: item.requirement for item in lock.given or ()}
    for name, (requirement, stage) in wanted.items():
        if name in given and given[name] == requirement:
            continue
        if name not in locked:
            yield f"{requirement} (stage {stage}) is not in the lock"
        elif locked[name][0] != requirement:
            yield f"the manifest asks for {requirement}, the lock was made for {locked[name][0]}"
        elif locked[name][1] not in (stage, CREATE_STAGE):
            yield f"{name} moved from stage {locked[name][1]} to stage {stage}"
    for name in locked.keys() - wanted.keys():
        yield f"{name} is in the lock and no longer in the manifest"
    cut = {(edge.distribution, edge.dependency) for edge in lock.excluded}
    asked = {(canonicalize_name(edge.distribution), canonicalize_name(edge.dependency)) for edge in manifest.exclude}
    for distribution, dependency in sorted(cut - asked):
        yield f"the edge {distribution} -> {dependency} was excluded and no longer is"
    for distribution, dependency in sorted(asked - cut):
        yield f"the edge {distribution} -> {dependency} is now excluded"
