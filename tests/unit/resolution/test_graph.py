from __future__ import annotations

import pytest
from packaging.markers import default_environment

from lockhouse.resolution.graph import Graph, Node
from lockhouse.resolution.ways import MOST

LINUX = {
    **{key: str(value) for key, value in default_environment().items()},
    "sys_platform": "linux",
    "platform_system": "Linux",
    "python_version": "3.11",
    "python_full_version": "3.11.7",
}


def graph_of(requires: dict[str, list[str]], *roots: str, excluded: tuple[tuple[str, str], ...] = ()) -> Graph:
    """A graph; ``roots`` are the manifest's requirements, by the names they begin with."""
    written = {root.split("[")[0].split("=")[0].split(">")[0]: root for root in roots}
    nodes = [Node(name=name, requires=tuple(lines), root=written.get(name)) for name, lines in requires.items()]
    return Graph(nodes, LINUX, excluded)


def test_an_edge_exists_only_where_its_marker_holds_on_the_target() -> None:
    graph = graph_of({"a": ['b; sys_platform == "win32"', 'c; python_version < "3.12"'], "b": [], "c": []}, "a")
    assert [edge.target for edge in graph.edges("a")] == ["c"]
    assert graph.chains("b") == ()


def test_markers_are_those_of_the_target_not_of_this_interpreter() -> None:
    nodes = [Node(name="a", requires=('b; sys_platform == "win32"',), root="a")]
    assert [edge.target for edge in Graph(nodes, {**LINUX, "sys_platform": "win32"}).edges("a")] == ["b"]


def test_names_are_compared_in_canonical_form() -> None:
    graph = graph_of({"a": ["Zope.Interface>=1", "typing_extensions"], "zope-interface": []}, "a")
    assert [edge.target for edge in graph.edges("a")] == ["zope-interface", "typing-extensions"]


def test_an_edge_may_lead_to_what_is_not_planned() -> None:
    graph = graph_of({"a": ["missing>=1"]}, "a")
    assert graph.chains("missing") == (("a", "missing"),)


def test_an_extra_of_the_manifests_requirement_brings_its_edges() -> None:
    requires = {"a": ['b; extra == "x"', 'c; extra == "y"'], "b": [], "c": []}
    graph = graph_of(requires, "a[X]")
    assert [edge.target for edge in graph.edges("a")] == ["b"]
    assert graph.extras["a"] == {"x"}
    assert graph_of(requires, "a").edges("a") == ()


def test_extras_are_followed_through_other_distributions() -> None:
    graph = graph_of({"a": ["b[x]"], "b": ['c[y]; extra == "x"'], "c": ['d; extra == "y"'], "d": []}, "a")
    assert graph.chains("d") == (("a", "b", "c", "d"),)


def test_an_extra_that_asks_for_another_extra_of_its_own_distribution_activates_it() -> None:
    graph = graph_of(
        {"a": ['a[x,y]; extra == "all"', 'b; extra == "x"', 'c; extra == "y"'], "b": [], "c": []}, "a[all]"
    )
    assert graph.extras["a"] == {"all", "x", "y"}
    assert {edge.target for edge in graph.edges("a")} == {"b", "c"}
    assert graph.chains("b") == (("a", "b"),)
    assert graph.into("a") == ()


def test_names_of_extras_are_compared_in_canonical_form() -> None:
    graph = graph_of({"a": ["b[Foo_Bar]"], "b": ['c; extra == "foo.bar"'], "c": []}, "a")
    assert graph.chains("c") == (("a", "b", "c"),)


def test_a_chain_leads_through_who_asked_for_the_extra_and_not_through_who_did_not() -> None:
    requires = {"plain": ["lib"], "z-full": ["lib[gpu]"], "lib": ['culprit; extra == "gpu"'], "culprit": []}
    graph = graph_of(requires, "plain", "z-full")
    assert graph.chains("culprit") == (("z-full", "lib", "culprit"),)


def test_a_listed_distribution_does_not_explain_an_extra_that_only_another_asks_for() -> None:
    graph = graph_of({"a": ["lib[gpu]"], "lib": ['culprit; extra == "gpu"'], "culprit": []}, "a", "lib")
    assert graph.chains("culprit") == (("a", "lib", "culprit"),)


def test_a_chain_may_come_back_to_a_distribution_for_its_extra() -> None:
    graph = graph_of({"a": ["b", 'c; extra == "x"'], "b": ["a[x]"], "c": []}, "a")
    assert graph.chains("c") == (("a", "b", "a", "c"),)


def test_an_excluded_edge_does_not_exist_and_brings_no_extras() -> None:
    requires = {"a": ["b[x]"], "b": ['c; extra == "x"'], "c": []}
    graph = graph_of(requires, "a", "b", excluded=(("a", "b"),))
    assert graph.edges("a") == ()
    assert graph.extras["b"] == frozenset()
    assert graph.chains("c") == ()


def test_chains_are_given_for_every_last_step_and_root_shortest_first() -> None:
    requires = {"r1": ["p"], "r2": ["m"], "m": ["p"], "p": ["t"], "q": ["t"], "t": []}
    graph = graph_of(requires, "r1", "r2", "q")
    assert graph.chains("t") == (("q", "t"), ("r1", "p", "t"), ("r2", "m", "p", "t"))
    assert graph.chains("t", limit=1) == (("q", "t"),)


def test_a_chain_begins_at_the_last_requirement_of_the_manifest_on_its_way() -> None:
    graph = graph_of({"a": ["b"], "b": ["t"], "t": []}, "a", "b")
    assert graph.chains("t") == (("b", "t"),)


def test_a_listed_distribution_that_others_need_too_gives_both_chains() -> None:
    graph = graph_of({"a": ["t"], "t": []}, "a", "t")
    assert graph.chains("t") == (("t",), ("a", "t"))


def test_no_more_chains_are_given_than_are_wanted_and_the_others_are_counted() -> None:
    graph = graph_of({**{f"r{i:02}": ["t"] for i in range(13)}, "t": []}, *(f"r{i:02}" for i in range(13)))
    assert len(graph.chains("t")) == 10
    assert len(graph.chains("t", limit=20)) == 13
    assert graph.ways("t").count() == 13


def test_chains_that_part_and_meet_again_are_all_given() -> None:
    requires = {"r": ["a", "b"], "a": ["c"], "b": ["c", "d"], "d": ["c"], "c": ["t"], "t": []}
    graph = graph_of(requires, "r")
    assert graph.chains("t") == (("r", "a", "c", "t"), ("r", "b", "c", "t"), ("r", "b", "d", "c", "t"))
    assert graph.ways("t").count() == 3


def test_a_chain_that_several_extras_bring_counts_once() -> None:
    lines = ['t; extra == "x"', 't>=1; extra == "y"']
    graph = graph_of({"r": ["a[x,y]"], "a": lines, "t": []}, "r")
    assert graph.chains("t") == (("r", "a", "t"),)
    assert graph.ways("t").count() == 1


def layers(width: int, depth: int) -> dict[str, list[str]]:
    """Every distribution of a layer asks for every one of the next, the last of them for ``t``."""
    requires: dict[str, list[str]] = {"t": []}
    for depth_now in range(depth):
        below = [f"n{depth_now + 1}-{i}" for i in range(width)] if depth_now + 1 < depth else ["t"]
        requires |= {f"n{depth_now}-{i}": below for i in range(width)}
    return requires


@pytest.mark.parametrize(("width", "depth", "count"), [(10, 4, 10_000), (40, 50, MOST)])
def test_more_chains_than_can_be_walked_are_counted_and_the_shortest_given(width: int, depth: int, count: int) -> None:
    graph = graph_of(layers(width, depth), *(f"n0-{i}" for i in range(width)))
    chains = graph.chains("t")
    assert len(set(chains)) == 10
    assert {len(chain) for chain in chains} == {depth + 1}
    assert graph.ways("t").count() == count


def test_in_a_tangle_of_circles_the_shortest_chains_are_found() -> None:
    names = [f"n{i:03}" for i in range(120)]
    requires = {name: [other for other in names if other != name] for name in names}
    graph = graph_of({**requires, "r": names[:3], "t": []} | {"n119": [*requires["n119"], "t"]}, "r")
    chains = graph.chains("t")
    assert chains[:3] == tuple(("r", name, "n119", "t") for name in names[:3])
    assert len(set(chains)) == 10
    assert graph.ways("t").count() >= 10


def test_cycles_end() -> None:
    graph = graph_of({"r": ["a"], "a": ["b"], "b": ["c"], "c": ["a", "t"], "t": ["a"]}, "r")
    assert graph.chains("t") == (("r", "a", "b", "c", "t"),)
    assert graph.chains("a") == (("r", "a"),)
    assert graph.reachable() == {"r", "a", "b", "c", "t"}


def test_a_cycle_that_nobody_asked_for_has_no_chain() -> None:
    graph = graph_of({"r": [], "a": ["b"], "b": ["a"]}, "r")
    assert graph.chains("b") == ()
    assert graph.reachable() == {"r"}


def test_who_asks_is_named_once_however_many_lines_say_so() -> None:
    graph = graph_of({"a": ["t>=1", 't<3; python_version > "3"'], "t": []}, "a")
    assert graph.required_by("t") == ("a",)
    assert [str(edge.requirement.specifier) for edge in graph.into("t")] == [">=1", "<3"]


@pytest.mark.parametrize(
    "line",
    [
        "b >= 1 and more",
        "b>=1.0.*",
        'b; no_such_marker == "1"',
        'b; os_name ~= "posix"',
        'b; extra in "x" and dependency_groups == "y"',
        f"b; {'(' * 5000}os_name == 'posix'{')' * 5000}",
    ],
)
def test_a_line_that_is_no_requirement_is_kept_and_nothing_follows_from_it(line: str) -> None:
    graph = graph_of({"a": [line, "c"], "b": [], "c": []}, "a")
    assert graph.unreadable == {"a": (line,)}
    assert [edge.target for edge in graph.edges("a")] == ["c"]


def test_a_chain_is_explained_by_the_lines_that_make_it() -> None:
    requires = {
        "a": ["lib", 'lib[gpu]>=2; sys_platform == "linux"'],
        "lib": ['lib[deep]; extra == "gpu"', "culprit>=1; extra == 'other'", "culprit>=3; extra == 'deep'"],
        "culprit": [],
    }
    graph = graph_of(requires, "a")
    told = [str(edge.requirement) for edge in graph.along(("a", "lib", "culprit"))]
    assert told == ['lib[gpu]>=2; sys_platform == "linux"', 'culprit>=3; extra == "deep"']


def test_a_step_that_was_excluded_is_left_out_of_the_explanation() -> None:
    graph = graph_of({"a": ["b>1"], "b": ["c"], "c": []}, "a", excluded=(("b", "c"),))
    assert [str(edge.requirement) for edge in graph.along(("a", "b", "c"))] == ["b>1"]


def test_an_extra_is_not_asked_for_by_a_line_that_does_not_apply() -> None:
    graph = graph_of({"a": ['b[x]; sys_platform == "win32"', "b"], "b": ['c; extra == "x"'], "c": []}, "a")
    assert graph.extras["b"] == frozenset()
    assert graph.edges("b") == ()
