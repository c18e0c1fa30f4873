"""Spans of bytes, compared with sets of positions."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from lockhouse.wheels.spans import Span, gaps, merged, prefix_of

SIZE = 60
SPANS = st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(lambda pair: (min(pair), max(pair))))


def bytes_of(spans: list[Span]) -> set[int]:
    return {position for start, end in spans for position in range(start, end)}


@given(SPANS)
def test_merged_spans_hold_the_same_bytes_in_order_and_apart(spans: list[Span]) -> None:
    found = merged(spans)
    assert bytes_of(found) == bytes_of(spans)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(found))


@given(SPANS)
def test_gaps_are_what_is_missing(spans: list[Span]) -> None:
    assert bytes_of(gaps(spans, SIZE)) == set(range(SIZE)) - bytes_of(spans)


@given(SPANS)
def test_prefix_ends_at_the_first_missing_byte(spans: list[Span]) -> None:
    here = bytes_of(spans)
    assert prefix_of(spans) == next(position for position in range(SIZE + 1) if position not in here)
