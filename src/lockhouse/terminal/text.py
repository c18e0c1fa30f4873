"""Text on its way to a terminal: cleaned, folded and fitted."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

__all__ = ["clean", "clip", "fold", "table"]

SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

LEAST_COLUMN = 10
"""Columns below which a cell says nothing."""

BRANCH = re.compile("[ │├└─]*")
ADVICE = "try: "
"""What a line begins with whose other lines hang under its text."""
PASSING = str.maketrans("├└─", "│  ")


def clean(text: str) -> str:
    """Take out what could steer a terminal or disguise text: output of programs and servers is shown as it came."""
    text = SEQUENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def fold(text: str, width: int | None, *, first: str = "", rest: str = "  ") -> list[str]:
    """Fold text at spaces to ``width`` columns, hanging under ``rest``; ``first`` begins the first line.

    Lines keep their own indentation. A word that is too long stays whole, so that a path or an address can be copied.
    Without a width lines are only indented.
    """
    folded: list[str] = []
    for number, line in enumerate(text.expandtabs(4).splitlines() or [""]):
        start = rest if number else first
        branch = BRANCH.match(line) if number else None
        margin = branch[0] if branch else ""
        # What hangs under a branch of a tree goes on with the lines that pass it.
        hang = rest + margin.translate(PASSING) + " " * len(ADVICE) * line.startswith(ADVICE, len(margin))
        if width is None or len(start) + len(line) <= width or not line.strip():
            folded.append((start + line).rstrip())
            continue
        folded += textwrap.wrap(
            line[len(margin) :],
            max(width, len(hang) + 8),
            initial_indent=start + margin,
            subsequent_indent=hang,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return folded


def clip(text: str, width: int, ellipsis: str = "…") -> str:
    """Shorten text to ``width`` columns."""
    if len(text) <= width:
        return text
    return text[: max(0, width - len(ellipsis))] + ellipsis[:width]


def table(rows: Sequence[Sequence[str]], width: int | None = None, ellipsis: str = "…") -> list[str]:
    """Align rows in columns, two spaces apart; columns stand in the order of their worth.

    Where they are wider than ``width`` the widest give way, and the last are left out when nothing could be read.
    """
    if not rows:
        return []
    cells = [[clean(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    if width is not None:
        while len(widths) > 1 and _room([min(size, LEAST_COLUMN) for size in widths]) > width:
            widths.pop()
        while _room(widths) > width and max(widths) > 1:
            widths[widths.index(max(widths))] -= 1
    return [
        "  ".join(clip(cell, size, ellipsis).ljust(size) for cell, size in zip(row, widths, strict=False)).rstrip()
        for row in cells
    ]


def _room(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)
