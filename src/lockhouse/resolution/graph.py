"""The dependency graph of a plan: who asks for what, with extras and markers, and the chains that explain it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

__all__ = ["Edge", "Graph", "Node"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What the graph knows of a distribution; ``root`` is the manifest's own requirement for it, if it has one."""

    name: str
    requires: tuple[str, ...]
    root: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """``source`` asks for ``target``; both canonical. ``requirement`` is the line of its metadata that says so."""

    source: str
    target: str
    requirement: Requirement


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
        """Metadata lines that are no requirements, by distribution."""
        self._lines = {name: self._parse(node) for name, node in self.nodes.items()}
        self.extras = self._follow_extras()
        """The extras that somebody asks for, by distribution."""
        self._edges = {name: self._applying(name) for name in self.nodes}

    def edges(self, source: str) -> tuple[Edge, ...]:
        """Edges that leave a distribution, in the order of its metadata; an edge may occur with several specifiers."""
        return self._edges.get(source, ())

    def into(self, target: str) -> tuple[Edge, ...]:
        """Edges that lead to a distribution, by name of who asks."""
        return tuple(edge for name in sorted(self._edges) for edge in self._edges[name] if edge.target == target)

    def required_by(self, target: str) -> tuple[str, ...]:
        """Names of who asks for a distribution, sorted."""
        return tuple(sorted({edge.source for edge in self.into(target)}))

    def chains(self, target: str, limit: int = 5) -> tuple[tuple[str, ...], ...]:
        """Ways from a requirement of the manifest to ``target``, shortest first, at most one per last step and root.

        A distribution that the manifest itself lists gives the chain of its own name. Empty for an orphan.
        """
        found: list[tuple[str, ...]] = []
        if target in self.nodes and self.nodes[target].root is not None:
            found.append((target,))
        for parent in self.required_by(target):
            path = self._shortest_to(parent, avoid=target)
            if path is not None:
                found.append((*path, target))
        return tuple(sorted(found, key=lambda chain: (len(chain), chain)))[:limit]

    def reachable(self, roots: Iterable[str] | None = None) -> frozenset[str]:
        """Names that the given roots bring along, themselves included; by default all roots of the manifest."""
        if roots is None:
            roots = [name for name, node in self.nodes.items() if node.root is not None]
        seen: set[str] = set()
        waiting = list(roots)
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting.extend(edge.target for edge in self.edges(name))
        return frozenset(seen)

    def _shortest_to(self, name: str, avoid: str) -> tuple[str, ...] | None:
        """Walk back from a distribution to the nearest one that the manifest lists, never through ``avoid``."""
        queue: deque[tuple[str, ...]] = deque([(name,)])
        seen = {name, avoid}
        while queue:
            chain = queue.popleft()
            node = self.nodes.get(chain[0])
            if node is not None and node.root is not None:
                return chain
            for parent in self.required_by(chain[0]):
                if parent not in seen:
                    seen.add(parent)
                    queue.append((parent, *chain))
        return None

    def _parse(self, node: Node) -> tuple[Requirement, ...]:
        parsed = []
        for line in node.requires:
            try:
                parsed.append(Requirement(line))
            except InvalidRequirement:
                self.unreadable[node.name] = (*self.unreadable.get(node.name, ()), line)
        return tuple(parsed)

    def _follow_extras(self) -> dict[str, frozenset[str]]:
        extras: dict[str, frozenset[str]] = {name: frozenset() for name in self.nodes}
        for name, node in self.nodes.items():
            if node.root is not None:
                extras[name] |= _extras_of(Requirement(node.root))
        waiting = list(self.nodes)
        while waiting:  # until nothing asks for an extra that is not yet known to be asked for
            name = waiting.pop()
            for requirement in self._lines[name]:
                target = canonicalize_name(requirement.name)
                if target in extras and self._applies(requirement, extras[name]):
                    more = extras[target] | _extras_of(requirement)
                    if more != extras[target]:
                        extras[target] = more
                        waiting.append(target)
        return extras

    def _applying(self, name: str) -> tuple[Edge, ...]:
        edges = []
        for requirement in self._lines[name]:
            target = canonicalize_name(requirement.name)
            if target == name or (name, target) in self.excluded:
                continue  # ``a[x]`` asking for ``a[y]`` is no edge between distributions
            if self._applies(requirement, self.extras[name]):
                edges.append(Edge(source=name, target=target, requirement=requirement))
        return tuple(edges)

    def _applies(self, requirement: Requirement, extras: frozenset[str]) -> bool:
        if requirement.marker is None:
            return True
        return any(requirement.marker.evaluate({**self.markers, "extra": extra}) for extra in ("", *sorted(extras)))


def _extras_of(requirement: Requirement) -> frozenset[str]:
    return frozenset(canonicalize_name(extra) for extra in requirement.extras)
