"""Many times of the same work, as a median and how far they lie apart."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Spread", "growth", "spread_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Five numbers that say where values lie, in their own unit; ``lower`` and ``upper`` are the quartiles."""

    least: float
    lower: float
    median: float
    upper: float
    most: float


def spread_of(values: Sequence[float]) -> Spread:
    """Summarise values; quartiles are interpolated between them and never lie outside. ValueError if there are none."""
    if not values:
        raise ValueError("nothing was measured")
    median = statistics.median(values)
    lower, upper = median, median
    if len(values) > 1:
        lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(least=min(values), lower=lower, median=median, upper=upper, most=max(values))


def growth(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the power of size that the cost grows with: 1.0 is linear, 2.0 quadratic.

    It is the slope of the straight line through the logarithms, so at least two different sizes are needed.
    """
    import math

    return statistics.linear_regression([math.log(size) for size in sizes], [math.log(cost) for cost in costs]).slope
