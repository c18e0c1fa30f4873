"""Every chain is true: it begins at a requirement of the manifest, and each step brings the extras of the next."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockhouse.resolution.graph import Graph, Node

NAMES = ("a", "b", "c", "d", "e")
EXTRAS = ("x", "y")
MARKERS = {"python_version": "3.11", "sys_platform": "linux"}

lines = st.builds(
    lambda name, asked, under: f"{name}{asked}" + (f'; extra == "{under}"' if under else ""),
    st.sampled_from(NAMES),
    st.sampled_from(["", "[x]", "[y]", "[x,y]"]),
    st.sampled_from(["", *EXTRAS]),
)
graphs = st.fixed_dictionaries({name: st.lists(lines, max_size=4) for name in NAMES})
roots = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["", "[x]", "[y]"]), min_size=1, max_size=3)


def truly_asked_for(requires: dict[str, list[str]], listed: dict[str, str]) -> set[tuple[str, str]]:
    """Distributions and extras that the manifest brings, found forwards by brute force."""
    asked = {(name, "") for name in listed} | {
        (name, extra) for name, root in listed.items() for extra in Requirement(name + root).extras
    }
    while True:
        more = set(asked)
        for name, extra in asked:
            for line in requires[name]:
                requirement = Requirement(line)
                if requirement.marker is None or requirement.marker.evaluate({**MARKERS, "extra": extra}):
                    target = canonicalize_name(requirement.name)
                    more |= {(target, ""), *((target, wanted) for wanted in requirement.extras)}
        if more == asked:
            return asked
        asked = more


@given(graphs, roots)
def test_a_distribution_has_a_chain_exactly_when_the_manifest_brings_it(
    requires: dict[str, list[str]], listed: dict[str, str]
) -> None:
    graph = graph_of(requires, listed)
    brought = {name for name, _ in truly_asked_for(requires, listed)}
    assert {name for name in NAMES if graph.chains(name)} == brought


@given(graphs, roots)
def test_every_step_of_a_chain_is_an_edge_that_the_steps_before_it_bring(
    requires: dict[str, list[str]], listed: dict[str, str]
) -> None:
    graph = graph_of(requires, listed)
    for target in NAMES:
        for chain in graph.chains(target, limit=1000):
            assert chain[0] in listed
            assert chain[-1] == target
            edges = graph.along(chain)
            assert [(edge.source, edge.target) for edge in edges] == list(pairwise(chain))
            extras = set(Requirement(chain[0] + listed[chain[0]]).extras)
            for edge in edges:
                assert not edge.under or edge.under & closed(requires[edge.source], edge.source, extras)
                extras = set(edge.requirement.extras)


def graph_of(requires: dict[str, list[str]], listed: dict[str, str]) -> Graph:
    return Graph(
        [
            Node(name=name, requires=tuple(requires[name]), root=name + listed[name] if name in listed else None)
            for name in NAMES
        ],
        MARKERS,
    )


def closed(lines: list[str], name: str, extras: set[str]) -> set[str]:
    """Extras with those that they bring by their distribution's asking for itself."""
    while True:
        more = set(extras)
        for line in lines:
            requirement = Requirement(line)
            if requirement.name == name and any(
                requirement.marker is None or requirement.marker.evaluate({**MARKERS, "extra": extra})
                for extra in ("", *extras)
            ):
                more |= requirement.extras
        if more == extras:
            return extras
        extras = more
