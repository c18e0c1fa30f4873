"""The local manifest beside the published one: which is older, what differs, and what taking it over would do.

People fix a requirement on their disk while everybody else still fetches the old file from the web, or the other way
round; both look alike until something breaks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lockhouse.codec import encode_essence
from lockhouse.doctor.remarks import Comparison, Difference, Relation
from lockhouse.lockfile import Lock
from lockhouse.manifest import Manifest
from lockhouse.resolution.routing import wishes_of

__all__ = ["compare"]

OF_REQUIREMENTS = frozenset({"stages", "variants"})
DESCRIPTIVE = frozenset({"version", "description", "published"})
NAMING = ("name", "requirement", "distribution")
"""Fields of which the first one that an entry of a list has says which entry it is."""


def compare(
    here: Manifest,
    published: Manifest,
    *,
    url: str,
    lock: Lock | None = None,
    changed: tuple[float | None, float | None] = (None, None),
) -> Comparison:
    """Compare two manifests; ``changed`` is when the local and the published file were, in seconds since 1970.

    Their own versions decide which is older. Where these say nothing the times of the files do, and where nobody knows
    a time nobody can tell. With the ``lock`` it is said which of the locked distributions would move.
    """
    if here.digest == published.digest:
        return Comparison(url=url, relation="equal", because="both say the same")
    relation, because = _relation(here, published, changed)
    return Comparison(
        url=url, relation=relation, because=because, differences=tuple(_differences(here, published, lock))
    )


def _relation(here: Manifest, published: Manifest, changed: tuple[float | None, float | None]) -> tuple[Relation, str]:
    ours, theirs = _version(here), _version(published)
    if ours is not None and theirs is not None and ours != theirs:
        return ("older" if ours < theirs else "newer"), f"version {ours} here, {theirs} published"
    alike = (
        f"both are version {ours}" if ours is not None and theirs is not None else "they have no versions to compare"
    )
    before, after = changed
    if before is None or after is None:
        return "different", f"{alike}, and when they were changed is not known"
    when = f"{alike}; changed {_day(before)} here, {_day(after)} there"
    return ("older" if before < after else "newer"), when


def _version(manifest: Manifest) -> Version | None:
    try:
        return Version(manifest.version) if manifest.version else None
    except InvalidVersion:
        return None


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _differences(here: Manifest, published: Manifest, lock: Lock | None) -> Iterator[Difference]:
    locked = {item.name: item.version for item in lock.distributions} if lock else {}
    ours, theirs = _requirements(here), _requirements(published)
    for key in dict.fromkeys((*ours, *theirs)):
        mine, other = ours.get(key), theirs.get(key)
        if mine != other:
            yield Difference(what=_named(key), here=mine, published=other, effect=_effect(key, mine, other, locked))
    yield from _fields(here, published)


def _requirements(manifest: Manifest) -> dict[tuple[str, str, str], str]:
    """All requirements by stage, variant (empty for those of the stages themselves) and name, as they are written."""
    found: dict[tuple[str, str, str], str] = {}
    for stage, wish in wishes_of(manifest, None):
        found[stage, "", _name(wish.requirement)] = wish.requirement
    for variant in manifest.variants:
        for name, wish in variant.requirements.items():
            found["", variant.name, canonicalize_name(name)] = wish.requirement
    return found


def _name(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def _named(key: tuple[str, str, str]) -> str:
    stage, variant, name = key
    return f"{name} in {f'stage {stage}' if stage else f'variant {variant}'}"


def _effect(key: tuple[str, str, str], here: str | None, published: str | None, locked: Mapping[str, str]) -> str:
    name = key[2]
    version = locked.get(name)
    if published is None:
        kept = f"; {name} {version} stays only if something else needs it" if version else ""
        return f"it would no longer be asked for{kept}"
    if version is None:
        return f"{name} would be asked for" if here is None else "nothing of it is locked here: the next plan decides"
    if Requirement(published).specifier.contains(version, prereleases=True):
        return f"nothing would move: {name} {version}, which is locked, fits"
    return f"{name} would move from {version}, which is locked"


def _fields(here: Manifest, published: Manifest) -> Iterator[Difference]:
    """Give the other fields that differ, each entry of a list by itself."""
    ours, theirs = dict(_entries(encode_essence(here))), dict(_entries(encode_essence(published)))
    for place in dict.fromkeys((*ours, *theirs)):
        mine, other = ours.get(place), theirs.get(place)
        if mine != other:
            yield Difference(
                what=place, here=mine, published=other, effect="what is built, judged or checked would be another"
            )


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name everything but requirements: ``python.version`` and its value, ``blacklist torchao`` and what it says."""
    for field, value in document.items():
        if field in DESCRIPTIVE:
            continue
        if not isinstance(value, list):
            yield from _parts(field, value)
            continue
        for entry in value:
            name = next((str(entry[key]) for key in NAMING if key in entry), "") if isinstance(entry, dict) else entry
            said = entry if isinstance(entry, dict) else {}
            rest = {key: item for key, item in said.items() if not (field in OF_REQUIREMENTS and key == "requirements")}
            yield f"{field} {name}", ", ".join(f"{key} {item}" for key, item in rest.items()) or "listed"


def _parts(field: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        yield from ((f"{field}.{key}", str(item)) for key, item in value.items())
    else:
        yield field, str(value)
