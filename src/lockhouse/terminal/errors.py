"""How an error looks: ``error:`` what, ``because:`` why, ``try:`` what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO

from lockhouse.errors import Hint, Interrupted, LockhouseError
from lockhouse.terminal.device import width_of
from lockhouse.terminal.paint import paint
from lockhouse.terminal.streams import abandon
from lockhouse.terminal.text import clean, fold

__all__ = ["all_hints", "error_lines", "show_error"]


def show_error(error: LockhouseError, stream: TextIO, hints: Iterable[Hint] = ()) -> None:
    """Write an error; ``hints`` are what plugins add to its own.

    Where nobody can be told, the exit status has to do.
    """
    try:
        paint([line for part in error_lines(error, width_of(stream), hints) for line in part], stream)
    except OSError:
        abandon(stream)


def error_lines(error: LockhouseError, width: int | None = None, hints: Iterable[Hint] = ()) -> Iterator[list[str]]:
    """Yield the lines of each part; a part's first line begins with its label, the others are indented."""
    if isinstance(error, Interrupted):  # who stopped it knows why: one line
        yield fold(clean(error.summary), width)
        return
    yield _part("error: ", error.summary, width)
    if error.cause:
        yield _part("because: ", error.cause, width)
    for hint in all_hints(error, hints):
        yield _part("try: ", hint.text, width)


def _part(label: str, text: str, width: int | None) -> list[str]:
    # Under one another, so that trees and tracebacks keep their shape; where it is narrow room matters more.
    rest = " " * (len(label) if width is None or width >= 60 else 2)
    return fold(clean(text), width, first=label, rest=rest)


def all_hints(error: LockhouseError, more: Iterable[Hint] = ()) -> tuple[Hint, ...]:
    """The hints of an error and those that plugins add, each text once."""
    unique: dict[str, Hint] = {}
    for hint in (*error.hints, *more):
        unique.setdefault(hint.text, hint)
    return tuple(unique.values())
