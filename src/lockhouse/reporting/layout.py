"""Drawing a directed graph in layers: who asks stands left of what is asked for, and edges cross little.

The method of Sugiyama, Tagawa and Toda (1981) in its plainest form: circles are opened, every node gets the layer of
the longest way to it, long edges get a bend in every layer that they pass, and the layers are sorted by the middle of
their neighbours until that no longer helps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from lockhouse.values import dataclass

__all__ = ["Layout", "layered"]

SWEEPS = 12
"""Times that the layers are sorted, forth and back; more change nothing that can be seen."""

Node = str | tuple[str, str, int]
"""A node, or a bend of the edge between two of them in a layer."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands: the layer of each node, its height within (in slots), and the bends of edges."""

    layer: Mapping[str, int]
    slot: Mapping[str, float]
    bends: Mapping[tuple[str, str], Sequence[tuple[int, float]]]
    """Layer and slot of the bends of long edges, in the direction of the edge."""

    @property
    def layers(self) -> int:
        """How many layers there are."""
        return max(self.layer.values(), default=-1) + 1


def layered(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> Layout:
    """Lay out a graph; the order of the nodes decides where nothing else does."""
    wanted = list(dict.fromkeys(edge for edge in edges if edge[0] != edge[1]))
    forward = _opened(nodes, wanted)
    layer = _layers(nodes, forward)
    rows, neighbours, bends = _with_bends(nodes, forward, layer)
    for sweep in range(SWEEPS):
        _sort(rows, neighbours, forth=sweep % 2 == 0)
    slot = _slots(rows, neighbours)
    placed = {}
    for source, target in wanted:
        turned = (source, target) not in bends
        first, between = min(layer[source], layer[target]) + 1, bends[(target, source) if turned else (source, target)]
        points = [(first + number, slot[bend]) for number, bend in enumerate(between)]
        placed[source, target] = points[::-1] if turned else points
    return Layout(layer=layer, slot={name: slot[name] for name in nodes}, bends=placed)


def _opened(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Turn those edges round that close a circle."""
    following: dict[str, list[str]] = {name: [] for name in nodes}
    for source, target in edges:
        following[source].append(target)
    done: set[str] = set()
    under_way: set[str] = set()
    turned: set[tuple[str, str]] = set()
    for start in nodes:
        stack = [(start, iter(following[start]))] if start not in done else []
        under_way.add(start)
        while stack:
            name, targets = stack[-1]
            for target in targets:
                if target in under_way and target not in done:
                    turned.add((name, target))
                elif target not in done:
                    under_way.add(target)
                    stack.append((target, iter(following[target])))
                    break
            else:
                stack.pop()
                done.add(name)
    return list(dict.fromkeys((b, a) if (a, b) in turned else (a, b) for a, b in edges))


def _layers(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The longest way to each node."""
    waiting = dict.fromkeys(nodes, 0)
    following: dict[str, list[str]] = {name: [] for name in nodes}
    for source, target in edges:
        waiting[target] += 1
        following[source].append(target)
    layer = dict.fromkeys(nodes, 0)
    ready = [name for name in nodes if not waiting[name]]
    while ready:
        name = ready.pop()
        for target in following[name]:
            layer[target] = max(layer[target], layer[name] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return layer


def _with_bends(
    nodes: Sequence[str], edges: Sequence[tuple[str, str]], layer: Mapping[str, int]
) -> tuple[list[list[Node]], dict[Node, list[Node]], dict[tuple[str, str], list[Node]]]:
    """Give the rows of all layers, bends included, who is joined to whom, and the bends of each edge."""
    rows: list[list[Node]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for name in nodes:
        rows[layer[name]].append(name)
    neighbours: dict[Node, list[Node]] = {name: [] for name in nodes}
    bends: dict[tuple[str, str], list[Node]] = {}
    for source, target in edges:
        between: list[Node] = [(source, target, number) for number in range(layer[source] + 1, layer[target])]
        for number, bend in enumerate(between, layer[source] + 1):
            rows[number].append(bend)
            neighbours[bend] = []
        way: list[Node] = [source, *between, target]
        for one, other in pairwise(way):
            neighbours[one].append(other)
            neighbours[other].append(one)
        bends[source, target] = between
    return rows, neighbours, bends


def _sort(rows: list[list[Node]], neighbours: Mapping[Node, list[Node]], *, forth: bool) -> None:
    """Sort each row by the middle of its neighbours in the row before; who has none stays where it is."""
    order = range(1, len(rows)) if forth else range(len(rows) - 2, -1, -1)
    for number in order:
        before = {node: place for place, node in enumerate(rows[number - 1 if forth else number + 1])}

        def middle(item: tuple[int, Node], before: Mapping[Node, int] = before) -> float:
            places = [before[other] for other in neighbours[item[1]] if other in before]
            return sum(places) / len(places) if places else float(item[0])

        rows[number] = [node for _, node in sorted(enumerate(rows[number]), key=middle)]


def _slots(rows: list[list[Node]], neighbours: Mapping[Node, list[Node]]) -> dict[Node, float]:
    """Draw everything towards its neighbours as far as the order in its row allows."""
    slot = {node: place - len(row) / 2 for row in rows for place, node in enumerate(row)}
    for _ in range(SWEEPS):
        for row in rows:
            wish = [_mean([slot[other] for other in neighbours[node]], slot[node]) for node in row]
            down = _spread(wish)
            up = [-place for place in reversed(_spread([-place for place in reversed(wish)]))]
            slot |= {node: (low + high) / 2 for node, low, high in zip(row, down, up, strict=True)}
    least = min(slot.values(), default=0.0)
    return {node: place - least for node, place in slot.items()}


def _spread(wish: Sequence[float]) -> list[float]:
    """Keep places at least one slot apart, moving only downwards."""
    placed: list[float] = []
    for place in wish:
        placed.append(max(place, placed[-1] + 1) if placed else place)
    return placed


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
