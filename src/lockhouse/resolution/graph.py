"""The dependency graph of a plan: who asks for what, with extras and markers, and the chains that explain it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from functools import lru_cache
from itertools import pairwise

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from lockhouse.resolution.ways import PLAIN, Place, Ways
from lockhouse.values import dataclass

__all__ = ["Edge", "Graph", "Node"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What the graph knows of a distribution; ``root`` is the manifest's own requirement for it, if it has one."""

    name: str
    requires: tuple[str, ...]
    root: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """``source`` asks for ``target``; both canonical. ``requirement`` is the line of its metadata that says so.

    ``under`` holds the extras of ``source`` that bring the edge, any one of them; empty when it exists without.
    """

    source: str
    target: str
    requirement: Requirement
    under: frozenset[str] = field(default=frozenset())


class Graph:
    """The edges that apply on one target.

    ``nodes`` are the planned distributions; an edge may lead to a name that is not among them. ``markers`` is the PEP
    508 environment of the target. Edges in ``excluded``, pairs of canonical names, do not exist. Extras are followed:
    an edge under ``extra == "x"`` exists when the manifest or another distribution asks for ``name[x]``.
    """

    def __init__(
        self,
        nodes: Iterable[Node],
        markers: Mapping[str, str],
        excluded: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.nodes: dict[str, Node] = {node.name: node for node in nodes}
        self.markers = dict(markers)
        self.excluded = frozenset(excluded)
        self.unreadable: dict[str, tuple[str, ...]] = {}
        """Metadata lines that are no requirements, by distribution; nothing follows from them."""
        self._applied: dict[tuple[int, str], tuple[Marker, bool]] = {}
        self._lines = {name: self._parse(node) for name, node in self.nodes.items()}
        self._root_extras = {
            name: _extras_of(Requirement(node.root)) for name, node in self.nodes.items() if node.root is not None
        }
        self.extras = self._follow_extras()
        """The extras that somebody asks for, by distribution."""
        self._edges: dict[str, tuple[Edge, ...]] = {}
        self._within: dict[str, tuple[Edge, ...]] = {}
        self._into: dict[str, list[Edge]] = {}
        self._known_askers: dict[Place, tuple[Place, ...]] = {}
        self._brought: frozenset[str] = frozenset()
        for name in sorted(self.nodes):
            applying = tuple(self._applying(name))
            # ``a[x]`` asking for ``a[y]`` is no edge between distributions, but it explains why y is asked for.
            self._within[name] = tuple(edge for edge in applying if edge.target == name)
            self._edges[name] = tuple(edge for edge in applying if edge.target != name)
            for edge in self._edges[name]:
                self._into.setdefault(edge.target, []).append(edge)

    def lines(self, name: str) -> tuple[Requirement, ...]:
        """All requirements of a distribution, those that do not apply or were excluded too."""
        return self._lines.get(name, ())

    def applies(self, name: str, line: Requirement) -> bool:
        """Whether a requirement of a distribution counts on the target, with the extras that are asked for."""
        return bool(self._brought_by(line, self.extras.get(name, frozenset())))

    def edges(self, source: str) -> tuple[Edge, ...]:
        """Edges that leave a distribution, in the order of its metadata; an edge may occur with several specifiers."""
        return self._edges.get(source, ())

    def into(self, target: str) -> tuple[Edge, ...]:
        """Edges that lead to a distribution, by name of who asks."""
        return tuple(self._into.get(target, ()))

    def required_by(self, target: str) -> tuple[str, ...]:
        """Names of who asks for a distribution, sorted."""
        return tuple(sorted({edge.source for edge in self.into(target)}))

    def chains(self, target: str, limit: int = 10) -> tuple[tuple[str, ...], ...]:
        """Ways from a requirement of the manifest to ``target``, shortest first, at most ``limit``.

        A distribution that the manifest itself lists gives the chain of its own name. A chain begins at the last
        requirement of the manifest on its way, and every step of it is one that the extras asked for so far really
        bring. Empty for an orphan.
        """
        return self.ways(target).shortest(limit)

    def chain_of(self, edge: Edge) -> tuple[str, ...]:
        """Give the shortest way from a requirement of the manifest to an edge, its target last."""
        path = next(iter(self.ways_to(edge).shortest(1)), (edge.source,))
        return (*path, edge.target)

    def ways(self, target: str) -> Ways:
        """All ways from the manifest to a distribution."""
        return Ways((target, PLAIN), self._askers, self._lists, avoid=target)

    def ways_to(self, edge: Edge) -> Ways:
        """All ways from the manifest to the source of an edge that bring the edge."""
        return Ways((edge.source, edge.under or PLAIN), self._askers, self._lists, through=False)

    def along(self, chain: tuple[str, ...]) -> tuple[Edge, ...]:
        """Explain a chain: the edge of each of its steps, chosen so that each brings the extras that the next needs.

        A step that is no edge of the graph (an excluded one) is left out.
        """
        options: list[list[Edge]] = []
        needed = frozenset({""})
        for source, target in reversed(tuple(pairwise(chain))):
            bringing = self._bringing(target, needed)
            between = [edge for edge in self.edges(source) if edge.target == target]
            options.append([edge for edge in between if _asks_for(edge, bringing)] or between)
            needed = frozenset(extra for edge in options[-1] for _, extra in _sources(edge)) or frozenset({""})
        edges: list[Edge] = []
        extras = self._root_extras.get(chain[0], frozenset()) if chain else frozenset()
        for choices in reversed(options):
            brought = [edge for edge in choices if self._exists(edge, extras)] or choices
            edges.extend(brought[:1])
            extras = _extras_of(brought[0].requirement) if brought else frozenset()
        return tuple(edges)

    def reachable(self, roots: Iterable[str] | None = None) -> frozenset[str]:
        """Names that the given roots bring along, themselves included; by default all roots of the manifest."""
        if roots is None:
            self._brought = self._brought or self.reachable(self._root_extras)
            return self._brought
        seen: set[str] = set()
        waiting = list(roots)
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting.extend(edge.target for edge in self.edges(name))
        return frozenset(seen)

    def _askers(self, place: Place) -> tuple[Place, ...]:
        """Who asks for a distribution with one of these extras, each with what it must be asked for with in turn."""
        known = self._known_askers.get(place)
        if known is not None:
            return known
        bringing = self._bringing(*place)
        found: dict[str, frozenset[str]] = {}
        for edge in self._into.get(place[0], ()):
            if _asks_for(edge, bringing):
                found[edge.source] = found.get(edge.source, frozenset()) | (edge.under or PLAIN)
        askers = tuple((source, PLAIN if "" in wanted else wanted) for source, wanted in sorted(found.items()))
        self._known_askers[place] = askers
        return askers

    def _lists(self, place: Place) -> bool:
        """Whether the manifest itself asks for a distribution with one of these extras."""
        extras = self._root_extras.get(place[0])
        if extras is None:
            return False
        bringing = self._bringing(*place)
        return "" in bringing or bool(bringing & extras)

    def _bringing(self, name: str, needed: frozenset[str]) -> frozenset[str]:
        """The extras of a distribution any of which brings one of the needed, through its asking for itself."""
        bringing = needed
        while True:
            within = [edge for edge in self._within.get(name, ()) if bringing & _extras_of(edge.requirement)]
            more = bringing.union(extra for edge in within for _, extra in _sources(edge))
            if more == bringing:
                return bringing
            bringing = more

    def _exists(self, edge: Edge, extras: frozenset[str]) -> bool:
        """Whether an edge is there when its source is asked for with these extras."""
        bringing = self._bringing(edge.source, frozenset(extra for _, extra in _sources(edge)))
        return "" in bringing or bool(bringing & extras)

    def _parse(self, node: Node) -> tuple[Requirement, ...]:
        parsed = []
        for line in node.requires:
            try:
                requirement = _requirement(line)
                self._applies(requirement, "")
            except (InvalidRequirement, InvalidVersion, UndefinedComparison, UndefinedEnvironmentName, RecursionError):
                # RecursionError: brackets nested thousands deep, which the parser follows down.
                self.unreadable[node.name] = (*self.unreadable.get(node.name, ()), line)
            else:
                parsed.append(requirement)
        return tuple(parsed)

    def _follow_extras(self) -> dict[str, frozenset[str]]:
        extras = {name: self._root_extras.get(name, frozenset()) for name in self.nodes}
        waiting = list(self.nodes)
        while waiting:  # until nothing asks for an extra that is not yet known to be asked for
            name = waiting.pop()
            for requirement in self._lines[name]:
                target = canonicalize_name(requirement.name)
                more = _extras_of(requirement) - extras.get(target, _extras_of(requirement))
                if more and (name, target) not in self.excluded and self._brought_by(requirement, extras[name]):
                    extras[target] |= more
                    waiting.append(target)
        return extras

    def _applying(self, name: str) -> Iterator[Edge]:
        for requirement in self._lines[name]:
            target = canonicalize_name(requirement.name)
            if (name, target) in self.excluded:
                continue
            by = self._brought_by(requirement, self.extras[name])
            if by:
                yield Edge(source=name, target=target, requirement=requirement, under=by - {""})

    def _brought_by(self, requirement: Requirement, extras: frozenset[str]) -> frozenset[str]:
        """Which of a distribution's extras bring a requirement: only ``""`` where it applies without any."""
        if self._applies(requirement, ""):
            return frozenset({""})
        return frozenset(extra for extra in extras if self._applies(requirement, extra))

    def _applies(self, requirement: Requirement, extra: str) -> bool:
        marker = requirement.marker
        if marker is None:
            return True
        key = (id(marker), extra)
        known = self._applied.get(key)
        if known is None:
            known = self._applied[key] = (marker, marker.evaluate({**self.markers, "extra": extra}))
        return known[1]


def _requirement(line: str) -> Requirement:
    """Read a line of metadata. There are thousands of lines and few markers: each of those is read once."""
    head, _, tail = line.partition(";")
    if not tail or "@" in head:  # an address may have a semicolon in it
        return Requirement(line)
    try:
        requirement, marker = Requirement(head), _marker(tail)
    except (InvalidRequirement, InvalidMarker):
        return Requirement(line)  # its error is about the whole line
    requirement.marker = marker
    return requirement


@lru_cache(maxsize=4096)
def _marker(text: str) -> Marker:
    return Marker(text)


def _sources(edge: Edge) -> Iterator[tuple[str, str]]:
    """What must be asked for so that an edge exists: any one of these."""
    for extra in sorted(edge.under) or [""]:
        yield (edge.source, extra)


def _asks_for(edge: Edge, extras: frozenset[str]) -> bool:
    """Whether an edge asks for its target with one of the extras; ``""`` is asked for by every edge."""
    return "" in extras or bool(extras & _extras_of(edge.requirement))


def _extras_of(requirement: Requirement) -> frozenset[str]:
    return frozenset(canonicalize_name(extra) for extra in requirement.extras)
