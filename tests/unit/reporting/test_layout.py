from __future__ import annotations

import random
from itertools import pairwise

import pytest

from lockhouse.reporting.layout import layered


def test_who_asks_stands_before_what_is_asked_for() -> None:
    layout = layered(["a", "b", "c", "d"], [("a", "b"), ("b", "c"), ("a", "c"), ("c", "d")])
    assert layout.layer == {"a": 0, "b": 1, "c": 2, "d": 3}
    assert layout.layers == 4
    assert [layer for layer, _ in layout.bends["a", "c"]] == [1]
    assert layout.bends["a", "b"] == []


def test_nothing_is_laid_out_as_nothing() -> None:
    assert layered([], []).layers == 0


@pytest.mark.parametrize("seed", range(8))
def test_in_any_graph_nothing_covers_anything_and_only_edges_of_circles_go_back(seed: int) -> None:
    chance = random.Random(seed)
    names = [f"n{i}" for i in range(40)]
    edges = [(chance.choice(names), chance.choice(names)) for _ in range(90)]
    layout = layered(names, edges)
    # Two edges that are a circle between themselves go the same way.
    bends = {point for points in layout.bends.values() for point in points}
    for number in range(layout.layers):
        row = [layout.slot[name] for name in names if layout.layer[name] == number]
        row = sorted((*row, *(slot for layer, slot in bends if layer == number)))
        assert all(other - one > 0.99 for one, other in pairwise(row))
        assert min(row) >= 0
    for source, target in edges:
        if source != target:
            assert layout.layer[source] != layout.layer[target]


def test_edges_do_not_cross_where_they_need_not() -> None:
    names = ["a1", "a2", "a3", "b1", "b2", "b3"]
    layout = layered(names, [("a1", "b3"), ("a2", "b2"), ("a3", "b1")])
    left = sorted(["a1", "a2", "a3"], key=layout.slot.__getitem__)
    right = sorted(["b1", "b2", "b3"], key=layout.slot.__getitem__)
    meets = {"a1": "b3", "a2": "b2", "a3": "b1"}
    assert [meets[name] for name in left] == right
