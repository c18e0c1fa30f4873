"""What the stream at the other end can show: a terminal with motion, colour and signs, or plain text."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from lockhouse.values import dataclass

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["ASCII", "SIGNS", "Signs", "is_terminal", "name_width", "open_console", "signs_of", "spell", "width_of"]


@dataclass(frozen=True, slots=True)
class Signs:
    """The characters that are drawn with."""

    done: str
    failed: str
    spinner: str
    bar: str
    bar_end: str
    bar_rest: str
    ellipsis: str
    arrow: str


SIGNS = Signs("✓", "✗", "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "━", "╸", "━", "…", "→")
ASCII = Signs("+", "x", "-\\|/", "#", "#", ".", "...", "->")

SPELLED = str.maketrans({"├": "|", "│": "|", "└": "`", "─": "-", "…": "...", "→": "->", "✗": "x", "·": "-"})


def spell(text: str, stream: TextIO) -> str:
    """Write the signs that lockhouse draws with in ASCII where the stream's encoding does not know them."""
    return text.translate(SPELLED) if signs_of(stream) is ASCII else text


def is_terminal(stream: TextIO) -> bool:
    """Whether a person watches who can be shown motion; a dumb terminal cannot."""
    try:
        return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
    except ValueError:  # closed
        return False


def width_of(stream: TextIO) -> int | None:
    """Columns of the terminal, None where the stream is none and text is not to be folded."""
    return _size_of(stream)[0] if is_terminal(stream) else None


def _size_of(stream: TextIO) -> tuple[int, int]:
    """Columns and lines; the variables that shells set win, as everywhere."""
    try:
        known = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        known = os.terminal_size((0, 0))
    columns, lines = (_number(os.environ.get(name, "")) for name in ("COLUMNS", "LINES"))
    return columns or known.columns or 80, lines or known.lines or 24


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def name_width(width: int) -> int:
    """Columns for the name of a step on a terminal of that width; longer names push what follows aside."""
    return 16 if width >= 60 else 8


def signs_of(stream: TextIO) -> Signs:
    """The signs that the stream's encoding knows."""
    try:
        "".join((SIGNS.done, SIGNS.spinner, SIGNS.bar, SIGNS.bar_end, SIGNS.ellipsis, SIGNS.arrow)).encode(
            stream.encoding or "ascii"
        )
    except (LookupError, UnicodeEncodeError):
        return ASCII
    return SIGNS


def open_console(stream: TextIO) -> Console:
    """Open a console that shows text as it is: nothing is marked up, highlighted or replaced. NO_COLOR is honoured."""
    from rich.console import Console, ConsoleDimensions

    class SizedConsole(Console):
        """A console as large as the terminal that it writes to; rich asks standard input first."""

        @property  # type: ignore[misc]  # nobody sets it here
        def size(self) -> ConsoleDimensions:
            return ConsoleDimensions(*_size_of(stream))

    return SizedConsole(file=stream, markup=False, highlight=False, emoji=False)
