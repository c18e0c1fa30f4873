"""Edges that the manifest excludes, cut out of what the resolver believes, and told of in the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lockhouse.manifest import Exclusion
from lockhouse.plan import ExcludedEdge
from lockhouse.resolution.choosing import ChosenWheel
from lockhouse.resolution.uv import Cut, Resolved
from lockhouse.wheels.metadata import Metadata

__all__ = ["cut_edges", "cut_of", "distributions_of", "name_of"]


def name_of(line: str) -> str:
    """Return the canonical name of a requirement line; empty for a line that is none (sloppy metadata exists)."""
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        return ""


def distributions_of(exclude: Iterable[Exclusion]) -> frozenset[str]:
    """Names of the distributions that edges are cut from."""
    return frozenset(canonicalize_name(edge.distribution) for edge in exclude)


def cut_of(exclude: Iterable[Exclusion], item: Resolved, metadata: Metadata) -> Cut | None:
    """Give the metadata to believe of a wheel instead of its own; None where nothing is to be cut."""
    gone = {canonicalize_name(edge.dependency) for edge in exclude if canonicalize_name(edge.distribution) == item.name}
    kept = tuple(line for line in metadata.requires if name_of(line) not in gone)
    if kept == metadata.requires:
        return None
    return Cut(name=item.name, version=item.version, requires=kept, requires_python=metadata.requires_python)


def cut_edges(
    exclude: Iterable[Exclusion], wheels: Mapping[str, ChosenWheel]
) -> tuple[tuple[ExcludedEdge, ...], tuple[str, ...]]:
    """Give the edges that planned wheels really have and that were cut, and a sentence about each other exclusion."""
    edges, notes = [], []
    for edge in exclude:
        name, dependency = canonicalize_name(edge.distribution), canonicalize_name(edge.dependency)
        requires = wheels[name].metadata.requires if name in wheels else ()
        lines = [line for line in requires if name_of(line) == dependency]
        if lines:
            requirement = "; ".join(lines)
            edges.append(
                ExcludedEdge(distribution=name, dependency=dependency, requirement=requirement, reason=edge.reason)
            )
        elif name in wheels:
            version = wheels[name].version
            notes.append(f"the exclusion {name} -> {dependency} cuts nothing: {name} {version} does not ask for it")
        else:
            notes.append(f"the exclusion {name} -> {dependency} cuts nothing: {name} is not planned")
    return tuple(edges), tuple(notes)
