from __future__ import annotations

import pytest

from lockhouse.quantities import duration, portion, rate, size


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (3_141_592_653, "3.1 GB"),
        (84_200_000, "84.2 MB"),
        (10**16, "10000 TB"),
    ],
)
def test_size(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-0.001, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7800, "2 h 10 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_portion_has_one_unit_for_both_numbers() -> None:
    assert portion(1_200_000_000, 3_100_000_000, "bytes") == "1.2 of 3.1 GB"
    assert portion(40_000, 3_100_000_000, "bytes") == "0.0 of 3.1 GB"
    assert portion(40_000, None, "bytes") == "40.0 kB"
    assert portion(3, 12, "wheels") == "3 of 12 wheels"
    assert portion(3, None, "files") == "3 files"


def test_rate() -> None:
    assert rate(84_000_000, "bytes") == "84.0 MB/s"
    assert rate(3.14159, "wheels") == "3.1 wheels/s"
