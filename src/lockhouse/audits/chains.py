"""Chains as values: every way in which the culprit of a finding came in, each step as it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lockhouse.audits import Subject
from lockhouse.findings import Chain, ChainStep, Finding
from lockhouse.manifest import Stage
from lockhouse.resolution.graph import Edge

__all__ = ["SHOWN", "chain_to", "chains_over", "chains_to", "explained", "spelled", "stage_of", "step_of"]

SHOWN = 10
"""Chains that a finding carries; the others are counted."""


def stage_of(subject: Subject, name: str) -> Stage | None:
    """Find the manifest's stage that lists a distribution, or None for a mere dependency."""
    for stage in subject.manifest.stages:
        for wish in stage.requirements:
            if _name_in(wish.requirement) == name:
                return stage
    return None


def chain_to(subject: Subject, name: str) -> tuple[str, ...]:
    """Give the shortest chain to a distribution, its bare name for one that nobody asks for."""
    return next(iter(subject.graph.chains(name, limit=1)), (name,))


def chains_to(subject: Subject, name: str) -> tuple[tuple[Chain, ...], int]:
    """Give the shortest chains to a distribution, and count the others; none to what nobody asks for."""
    ways = subject.graph.ways(name)
    return _counted(subject, ways.shortest(SHOWN), ways.count())


def chains_over(subject: Subject, edge: Edge) -> tuple[tuple[Chain, ...], int]:
    """Give the shortest chains that end with an edge, and count the others."""
    ways = subject.graph.ways_to(edge)
    names = tuple((*way, edge.target) for way in ways.shortest(SHOWN)) or ((edge.source, edge.target),)
    return _counted(subject, names, ways.count())


def spelled(subject: Subject, names: tuple[str, ...]) -> Chain:
    """Write out a chain of names: versions, and the lines that ask for each."""
    item = subject.plan.distribution(names[0])
    stage = stage_of(subject, names[0])
    steps = [step_of(subject, names[0], (item.requirement if item else None) or "")]
    edges = {(edge.source, edge.target): edge for edge in subject.graph.along(names)}
    for pair in pairwise(names):
        edge = edges.get(pair)
        line, under = (str(edge.requirement), edge.under) if edge else ("", frozenset())
        steps.append(step_of(subject, pair[1], line, under))
    return Chain(stage=stage.name if stage else (item.stage if item else None), steps=tuple(steps))


def step_of(subject: Subject, name: str, line: str, under: Iterable[str] = ()) -> ChainStep:
    """Make the step to a distribution that a line asks for; one that is no requirement is kept as it is."""
    item = subject.plan.distribution(name)
    requirement = _read(line)
    return ChainStep(
        name=name,
        version=item.version if item else None,
        requirement=line,
        extras=tuple(sorted(map(canonicalize_name, requirement.extras))) if requirement else (),
        marker=str(requirement.marker) if requirement and requirement.marker else None,
        under=tuple(sorted(under)),
    )


def explained(subject: Subject, finding: Finding) -> Finding:
    """Give a finding the chains that its rule left out.

    A rule's own chain stays, and comes first, unless it is a bare name: the chain to that is known better here.
    """
    if finding.chains or not (finding.chain or finding.distribution):
        return finding
    culprit = finding.chain[-1] if finding.chain else finding.distribution
    found, more = chains_to(subject, culprit)
    shortest = found[0].names if found else (culprit,)
    own = finding.chain if len(finding.chain) > 1 else shortest
    chains = list(found)
    if own not in [chain.names for chain in found]:
        chains = [spelled(subject, own), *found][:SHOWN]
        more += len(found) + 1 - len(chains)
    return replace(finding, chain=own, chains=tuple(chains), more_chains=more)


def _counted(subject: Subject, names: Iterable[tuple[str, ...]], count: int) -> tuple[tuple[Chain, ...], int]:
    chains = tuple(spelled(subject, way) for way in names)
    return chains, max(0, count - len(chains))


@lru_cache(maxsize=4096)
def _read(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except (InvalidRequirement, RecursionError):
        return None


@lru_cache(maxsize=4096)
def _name_in(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)
