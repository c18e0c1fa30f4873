"""Bars in groups as a plain SVG, legible on light and dark pages; the scale is logarithmic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Bar", "Group", "draw"]

WIDTH, LEFT, RIGHT = 860, 190, 110
BAR, GAP, HEAD, FOOT = 20, 6, 58, 44
TITLE = 26
"""Pixels: size of the picture, of a bar, and of what stands around them."""

STYLE = """
 .page { fill: #ffffff } .text { fill: #1f2328 } .soft { fill: #59636e } .line { stroke: #d1d9e0 }
 .whisker { stroke: #1f2328; stroke-width: 1.2 } .other { fill: #8c959f } .own { fill: #0969da }
 @media (prefers-color-scheme: dark) {
  .page { fill: #0d1117 } .text { fill: #f0f6fc } .soft { fill: #9198a1 } .line { stroke: #3d444d }
  .whisker { stroke: #f0f6fc } .other { fill: #6e7681 } .own { fill: #4493f8 }
 }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A value above zero with how far it was seen to reach, in the chart's unit; ``own`` bars stand out."""

    label: str
    value: float
    least: float
    most: float
    text: str
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Bars to be compared with one another."""

    title: str
    bars: tuple[Bar, ...]


def draw(title: str, note: str, groups: Sequence[Group]) -> str:
    """Draw groups from top to bottom on one logarithmic scale; ValueError if there are no bars."""
    bars = [bar for group in groups for bar in group.bars]
    if not bars:
        raise ValueError("there is nothing to draw")
    scale = _Scale.around([bar.least for bar in bars], [bar.most for bar in bars])
    height = HEAD + sum(TITLE + len(group.bars) * (BAR + GAP) + GAP * 2 for group in groups) + FOOT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="system-ui, sans-serif" font-size="13" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
        f'<text class="text" x="20" y="28" font-size="16" font-weight="600">{escape(title)}</text>',
        f'<text class="soft" x="20" y="47" font-size="12">{escape(note)}</text>',
        *scale.grid(HEAD, height - FOOT),
    ]
    top = HEAD
    for group in groups:
        lines.append(f'<text class="text" x="20" y="{top + 18}" font-weight="600">{escape(group.title)}</text>')
        top += TITLE
        for bar in group.bars:
            lines += _bar(bar, top, scale)
            top += BAR + GAP
        top += GAP * 2
    return "\n".join([*lines, "</svg>", ""])


@dataclass(frozen=True, slots=True)
class _Scale:
    """From the power of ten below the least value to one that leaves room above the most."""

    low: int
    high: float

    @classmethod
    def around(cls, least: Sequence[float], most: Sequence[float]) -> _Scale:
        low = math.floor(math.log10(min(least)))
        return cls(low, max(math.log10(max(most)), low + 1))

    def x(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def grid(self, top: int, bottom: int) -> Iterator[str]:
        for power in range(self.low, math.floor(self.high) + 1):
            x = self.x(10.0**power)
            yield f'<path class="line" d="M{x} {top}V{bottom}" stroke-dasharray="2 3"/>'
            middle = f'x="{x}" y="{bottom + 18}" text-anchor="middle" font-size="12"'
            yield f'<text class="soft" {middle}>{10.0**power:g} s</text>'


def _bar(bar: Bar, top: int, scale: _Scale) -> Iterator[str]:
    middle, right = top + BAR / 2, scale.x(bar.value)
    least, most = scale.x(bar.least), scale.x(bar.most)
    kind = "own" if bar.own else "other"
    yield f'<text class="text" x="{LEFT - 10}" y="{middle + 4.5}" text-anchor="end">{escape(bar.label)}</text>'
    yield f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{max(1.0, right - LEFT):.1f}" height="{BAR}" rx="2"/>'
    ends = "".join(f"M{x} {middle - 4}v8" for x in (least, most))
    yield f'<path class="whisker" fill="none" d="M{least} {middle}H{most}{ends}"/>'
    yield f'<text class="text" x="{max(right, most) + 8:.1f}" y="{middle + 4.5}">{escape(bar.text)}</text>'
