"""Where dependencies go, and in which order."""

from __future__ import annotations

from lockhouse.resolution.graph import Graph, Node
from lockhouse.resolution.stages import assign_stages, installation_order

STAGES = ("create", "base", "torch", "hub")


def graph(**requires: str) -> Graph:
    """``a="b c"``: a asks for b and c."""
    nodes = [Node(name=name, requires=tuple(text.split()), root=name) for name, text in requires.items()]
    return Graph(nodes, {})


def test_dependency_goes_to_the_earliest_stage_that_needs_it() -> None:
    edges = graph(transformers="numpy shared", torch="sympy shared", numpy="", sympy="mpmath", mpmath="", shared="")
    listed = {"transformers": "hub", "torch": "torch", "numpy": "base"}
    assert assign_stages(edges, listed, STAGES) == {
        "transformers": "hub",
        "numpy": "base",
        "torch": "torch",
        "sympy": "torch",
        "mpmath": "torch",
        "shared": "torch",
    }


def test_listed_distribution_stays_where_it_is_listed() -> None:
    edges = graph(early="late", late="")
    assert assign_stages(edges, {"early": "base", "late": "hub"}, STAGES)["late"] == "hub"


def test_what_nothing_reaches_is_left_out() -> None:
    assert assign_stages(graph(a="", orphan=""), {"a": "base"}, STAGES) == {"a": "base"}


def test_dependencies_come_before_dependents_and_names_decide_else() -> None:
    edges = graph(a="z", z="m", m="", b="", tool="")
    assigned = {"a": "base", "z": "base", "m": "base", "b": "base", "tool": "create"}
    assert installation_order(edges, assigned, STAGES) == ("tool", "m", "z", "a", "b")


def test_circle_is_entered_at_its_first_name() -> None:
    edges = graph(b="c", c="a", a="b")
    assert installation_order(edges, dict.fromkeys("abc", "base"), STAGES) == ("c", "b", "a")


def test_long_chain_does_not_exhaust_the_stack() -> None:
    names = [f"n{i:05}" for i in range(5000)]
    edges = graph(**dict(zip(names, [*names[1:], ""], strict=True)))
    assigned = assign_stages(edges, {names[0]: "base"}, STAGES)
    assert installation_order(edges, assigned, STAGES) == tuple(reversed(names))
