"""Sizes, durations and rates as people read them."""

from __future__ import annotations

__all__ = ["duration", "portion", "rate", "size"]

SIZES = ("B", "kB", "MB", "GB", "TB")


def size(count: float) -> str:
    """``1.2 GB``: decimal units, three digits at most."""
    number, unit = _scaled(count, _scale(count))
    return f"{number} {unit}"


def portion(done: int, total: int | None, unit: str) -> str:
    """``1.2 of 3.1 GB`` or ``12 of 61 wheels``; only what is done where the total is unknown."""
    if unit != "bytes":
        return f"{done} {unit}" if total is None else f"{done} of {total} {unit}"
    if total is None:
        return size(done)
    number, _ = _scaled(done, _scale(total))
    return f"{number} of {size(total)}"


def rate(per_second: float, unit: str) -> str:
    """``84 MB/s`` or ``3.1 wheels/s``."""
    return f"{size(per_second)}/s" if unit == "bytes" else f"{per_second:.1f} {unit}/s"


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def _scale(count: float) -> int:
    power = 0
    while count >= 999.5 and power < len(SIZES) - 1:
        count /= 1000
        power += 1
    return power


def _scaled(count: float, power: int) -> tuple[str, str]:
    number = count / 1000**power
    digits = 1 if power and 0 < number < 99.95 else 0
    return f"{number:.{digits}f}", SIZES[power]
