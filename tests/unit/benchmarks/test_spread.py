from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.spread import growth, spread_of

values = st.lists(st.floats(min_value=1e-6, max_value=1e6), min_size=1, max_size=30)


def test_quartiles_are_interpolated_between_what_was_seen() -> None:
    spread = spread_of([5.0, 1.0, 2.0, 4.0])

    assert (spread.least, spread.lower, spread.median, spread.upper, spread.most) == (1.0, 1.75, 3.0, 4.25, 5.0)


def test_one_value_is_all_five_numbers() -> None:
    spread = spread_of([2.5])

    assert (spread.least, spread.lower, spread.median, spread.upper, spread.most) == (2.5,) * 5


def test_one_bad_run_does_not_move_the_median() -> None:
    assert spread_of([1.0, 1.0, 1.0, 1.0, 90.0]).median == 1.0


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        spread_of([])


@given(values)
def test_the_five_numbers_are_in_order_and_within_what_was_seen(found: list[float]) -> None:
    spread = spread_of(found)

    numbers = [spread.least, spread.lower, spread.median, spread.upper, spread.most]
    assert numbers == pytest.approx(sorted(numbers))
    assert (spread.least, spread.most) == (min(found), max(found))


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_growth_is_the_power_that_costs_grow_with(power: float) -> None:
    sizes = [1e4, 5e4, 1e5, 2e5]

    assert growth(sizes, [3e-5 * size**power for size in sizes]) == pytest.approx(power)


def test_a_constant_part_makes_growth_less_than_linear() -> None:
    assert growth([1e4, 1e5], [1 + 1e4 / 1e5, 1 + 1e5 / 1e5]) < 1
