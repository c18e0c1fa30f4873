"""Lines that are read from top to bottom: what matters in them stands out on a terminal, and only there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TextIO

from lockhouse.terminal.device import is_terminal, open_console, spell
from lockhouse.terminal.streams import write

__all__ = ["paint"]

STYLES = (
    (re.compile(r"error:"), "bold red"),
    (re.compile(r"because:"), "bold"),
    (re.compile(r" *try:"), "bold green"),
    (re.compile(r"(?:because:)? *✗ .*"), "bold red"),
    (re.compile(r"! .*"), "bold yellow"),
    (re.compile(r"· "), "bold"),
)
"""What a line begins with, and how that looks; the last that fits counts."""


def paint(lines: Iterable[str], stream: TextIO) -> None:
    """Write lines as the stream can show them."""
    if not is_terminal(stream):
        write(stream, "".join(f"{spell(line, stream)}\n" for line in lines))
        return
    from rich.text import Text

    console = open_console(stream)
    for line in lines:
        text = Text(spell(line, stream))
        for pattern, style in STYLES:
            if begins := pattern.match(line):
                text.stylize(style, 0, begins.end())
        console.print(text, soft_wrap=True)
