"""Which stage a distribution is installed in, and the order within it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lockhouse.resolution.graph import Graph

__all__ = ["assign_stages", "installation_order"]


def assign_stages(graph: Graph, listed: Mapping[str, str], stages: Sequence[str]) -> dict[str, str]:
    """Give every distribution of the graph its stage.

    ``listed`` maps what the manifest lists to its stage; it stays there. A dependency goes to the earliest stage that
    needs it. ``stages`` is their order, ``create`` first: what pip, setuptools and wheel need comes with them.
    Distributions that nothing reaches are left out.
    """
    assigned = {name: stage for name, stage in listed.items() if name in graph.nodes}
    for stage in stages:
        waiting = sorted(name for name, where in assigned.items() if where == stage)
        while waiting:
            for edge in graph.edges(waiting.pop()):
                if edge.target in graph.nodes and edge.target not in assigned:
                    assigned[edge.target] = stage
                    waiting.append(edge.target)
    return assigned


def installation_order(graph: Graph, assigned: Mapping[str, str], stages: Sequence[str]) -> tuple[str, ...]:
    """Order distributions by stage, and in a stage dependencies before their dependents, else by name.

    A cycle is entered at its first name in alphabetical order.
    """
    order: list[str] = []
    done: set[str] = set()
    for stage in stages:
        members = sorted(name for name, where in assigned.items() if where == stage)
        for name in members:
            _visit(graph, name, frozenset(members), done, order)
    return tuple(order)


def _visit(graph: Graph, start: str, members: frozenset[str], done: set[str], order: list[str]) -> None:
    """Append ``start`` after all that it needs within its stage. Iterative: chains may be long."""
    if start in done:
        return
    done.add(start)
    stack = [(start, iter(_needs(graph, start, members)))]
    while stack:
        name, needs = stack[-1]
        for need in needs:
            if need not in done:
                done.add(need)
                stack.append((need, iter(_needs(graph, need, members))))
                break
        else:
            stack.pop()
            order.append(name)


def _needs(graph: Graph, name: str, members: frozenset[str]) -> list[str]:
    return sorted({edge.target for edge in graph.edges(name)} & members)
