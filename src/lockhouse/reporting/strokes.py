"""What a picture is made of: text, curves and arrows as SVG, and how they look."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.sax.saxutils import escape

from lockhouse.terminal.text import clean

__all__ = ["STYLE", "arrow", "curve", "free_place", "lettering", "plain", "safe", "short", "width_of"]

NOT_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 (section 2.2) has no place for, beside control characters."""

STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328; }
.title { font-size: 17px; font-weight: 600; } .small { font-size: 11px; fill: #57606a; } .head { font-weight: 600; }
.box { fill: #f6f8fa; stroke: #8c959f; } .box.way { fill: #ffffff; stroke: #57606a; }
.box.odd { fill: #fff8c5; stroke: #9a6700; stroke-width: 2; }
.box.bad { fill: #ffebe9; stroke: #cf222e; stroke-width: 2.5; }
.edge { fill: none; stroke: #afb8c1; stroke-width: 1.2; } .edge.way { stroke: #57606a; }
.edge.odd { stroke: #9a6700; stroke-width: 1.8; } .edge.bad { stroke: #cf222e; stroke-width: 2.2; }
.edge.cut { stroke-dasharray: 6 5; } .bad-text { fill: #cf222e; font-weight: 600; }
.odd-text { fill: #7d4e00; font-weight: 600; } .way-text { font-weight: 600; }
.label { font-size: 11px; fill: #57606a; paint-order: stroke; stroke: #ffffff; stroke-width: 4px; text-anchor: middle; }
"""


def lettering(x: float, y: float, words: str, kind: str) -> str:
    """Write a line of text; ``y`` is where it stands on."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{safe(words)}</text>'


def safe(words: str) -> str:
    """Make words text of XML, whatever they hold."""
    return escape(plain(words))


def plain(words: str) -> str:
    """Take out what XML has no place for."""
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", clean(words))


def short(words: str, most: int = 36) -> str:
    """Shorten words to so many characters."""
    return words if len(words) <= most else f"{words[: most - 1]}…"


def width_of(words: str) -> float:
    """About how wide words are in pixels; wide enough for the widest of the fonts that they may come in."""
    return sum(13.0 if ord(char) > 0x2E7F else 7.6 for char in words)


def free_place(
    begin: tuple[float, float], end: tuple[float, float], wide: float, taken: list[tuple[float, float, float]]
) -> tuple[float, float] | None:
    """Find a place for a label on the first stretch of an edge, near its middle, where no other label is."""
    for t in (0.5, 0.35, 0.65, 0.25, 0.75):
        x = begin[0] + (end[0] - begin[0]) * (1.5 * t * (1 - t) + t**3)
        y = begin[1] + (end[1] - begin[1]) * (3 * t**2 - 2 * t**3) - 4
        if all(abs(y - other_y) > 12 or abs(x - other_x) > (wide + other) / 2 for other_x, other_y, other in taken):
            taken.append((x, y, wide))
            return x, y
    return None


def curve(points: list[tuple[float, float]]) -> str:
    """Write a path that leaves and enters each point level."""
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x, y), (after, below) in pairwise(points):
        half = (x + after) / 2
        parts.append(f"C{half:.1f} {y:.1f} {half:.1f} {below:.1f} {after:.1f} {below:.1f}")
    return " ".join(parts)


def arrow(before: tuple[float, float], end: tuple[float, float], kind: str) -> str:
    """Draw the head of an arrow that comes from the side of the point before."""
    colour = {"bad": "#cf222e", "odd": "#9a6700", "way": "#57606a"}.get(kind, "#afb8c1")
    x, y = end
    back = -7 if before[0] < x else 7
    return f'<path d="M{x:.1f} {y:.1f} l{back} -4 l0 8 z" fill="{colour}"/>'
