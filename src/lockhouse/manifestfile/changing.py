"""Changing a manifest as a cure says: the document, as JSON or TOML gives it, in whatever short forms it is written."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

from packaging.requirements import Requirement

from lockhouse.errors import UsageError
from lockhouse.findings import Action, Change, Cure
from lockhouse.names import canonical_name

__all__ = ["changed", "cured"]

Json = Any  # what json.loads and tomllib.loads give


def cured(document: Json, cure: Cure) -> Json:
    """Return a manifest's document with the changes of a cure; the one that is given stays as it is.

    Raises UsageError where a change does not fit the document.
    """
    return changed(document, cure.changes)


def changed(document: Json, changes: Iterable[Change]) -> Json:
    """Return a manifest's document with some changes, made one after the other."""
    result = copy.deepcopy(document)
    for change in changes:
        CHANGES[change.action](result, change)
    return result


def _list(document: Json, change: Change) -> None:
    """Ask for a requirement in a stage; what another stage asks for by that name moves there, with all it says."""
    stage = _stage(document, change.stage)
    line = _said(change.requirement)
    name = _name(line)
    for position, item in enumerate(stage["requirements"]):
        if _name(item) == name:
            stage["requirements"][position] = _rewritten(item, line)
            return
    moved = line
    for other in document["stages"]:
        for item in other["requirements"]:
            if _name(item) == name:
                moved = _rewritten(_with_index(item, other, stage), line)
                _keep(document, other, [kept for kept in other["requirements"] if kept is not item])
                break
    stage["requirements"].append(moved)


def _with_index(item: Json, before: Json, after: Json) -> Json:
    """Write out the index that a requirement had from its stage, where it would lose it."""
    index = before.get("index")
    if index == after.get("index") or (isinstance(item, dict) and "index" in item):
        return item
    full = {"requirement": item} if isinstance(item, str) else item
    return {**full, "index": index or "default"}


def _replace(document: Json, change: Change) -> None:
    line = _said(change.requirement)
    name = _name(line)
    if change.variant is not None:
        own = document.get("variants", {}).get(change.variant, {}).get("requirements", {})
        for key, item in own.items():
            if canonical_name(key) == name:
                own[key] = _rewritten(item, line)
                return
        raise UsageError(f"the variant {change.variant} has no requirement for {name}")
    requirements = _stage(document, change.stage)["requirements"]
    for position, item in enumerate(requirements):
        if _name(item) == name:
            requirements[position] = _rewritten(item, line)
            return
    raise UsageError(f"the stage {change.stage} does not list {name}")


def _route(document: Json, change: Change) -> None:
    variant = document.get("variants", {}).get(_said(change.variant))
    if variant is None:
        raise UsageError(f"the manifest has no variant {change.variant}")
    line = _said(change.requirement)
    name = _name(line)
    own = variant.setdefault("requirements", {})
    key = next((key for key in own if canonical_name(key) == name), name)
    before = own[key] if isinstance(own.get(key), dict) else {}
    own[key] = {**before, "requirement": line, "index": _said(change.index)}


def _drop(document: Json, change: Change) -> None:
    stage = _stage(document, change.stage)
    name = canonical_name(_said(change.distribution))
    kept = [item for item in stage["requirements"] if _name(item) != name]
    if len(kept) == len(stage["requirements"]):
        raise UsageError(f"the stage {change.stage} does not list {name}")
    _keep(document, stage, kept)


def _keep(document: Json, stage: Json, requirements: list[Json]) -> None:
    """Let a stage have these requirements; one that has none goes, with the checks that look at it."""
    stage["requirements"] = requirements
    if requirements:
        return
    if len(document["stages"]) == 1:
        raise UsageError(f"nothing would be left of the manifest without what the stage {stage['name']} lists")
    document["stages"] = [other for other in document["stages"] if other is not stage]
    checks = [check for check in document.get("checks", []) if check.get("stage") != stage["name"]]
    if "checks" in document:
        document["checks"] = checks


def _make_optional(document: Json, change: Change) -> None:
    _stage(document, change.stage)["optional"] = True


def _exclude(document: Json, change: Change) -> None:
    edge = _edge_of(change)
    entries = document.setdefault("exclude", [])
    if not any(_edge(entry) == edge for entry in entries):
        entries.append({"distribution": change.distribution, "dependency": change.dependency})


def _stop_excluding(document: Json, change: Change) -> None:
    edge = _edge_of(change)
    kept = [entry for entry in document.get("exclude", []) if _edge(entry) != edge]
    if len(kept) == len(document.get("exclude", [])):
        raise UsageError(f"exclude has no entry for {change.distribution} and {change.dependency}")
    document["exclude"] = kept


def _stage(document: Json, name: str | None) -> Json:
    for stage in document["stages"]:
        if stage["name"] == name:
            return stage
    raise UsageError(f"the manifest has no stage {name}")


def _edge(entry: Json) -> tuple[str, str]:
    return canonical_name(entry["distribution"]), canonical_name(entry["dependency"])


def _edge_of(change: Change) -> tuple[str, str]:
    return canonical_name(_said(change.distribution)), canonical_name(_said(change.dependency))


def _name(item: Json) -> str:
    """The canonical name that a requirement, written short or in full, asks for."""
    return canonical_name(Requirement(item if isinstance(item, str) else item["requirement"]).name)


def _rewritten(item: Json, line: str) -> Json:
    return line if isinstance(item, str) else {**item, "requirement": line}


def _said(value: str | None) -> str:
    if value is None:
        raise UsageError("a change to the manifest does not say what to change")
    return value


CHANGES: dict[Action, Callable[[Json, Change], None]] = {
    "list": _list,
    "replace": _replace,
    "route": _route,
    "drop": _drop,
    "make-optional": _make_optional,
    "exclude": _exclude,
    "stop-excluding": _stop_excluding,
}
"""What makes each change."""
