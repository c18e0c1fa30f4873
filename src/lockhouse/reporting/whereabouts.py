"""Where something stands in a manifest's text, so that a finding can point at the line that it comes from.

Readers of JSON and TOML give values without places. So strings are found in the text itself, both formats alike, and
looked up by what they say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from lockhouse.names import canonical_name
from lockhouse.values import dataclass

__all__ = ["Region", "Whereabouts"]

TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)"""
    r"""|(?P<long>\"{3}.*?\"{3}|'{3}.*?'{3})"""
    r"""|(?P<basic>"(?:[^"\\\n]|\\.)*")"""
    r"""|(?P<literal>'[^'\n]*')""",
    re.DOTALL,
)
AS_KEY = re.compile(r"\s*:")
AS_NAME = re.compile(r"""\bname["']?\s*[:=]\s*$""")
NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
KEY = r'"{0}"\s*:|^[ \t]*\[\[\s*{0}\s*\]\]|^[ \t]*{0}\s*='


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A stretch of text: lines and columns count from 1, in characters; the end column is the one after it."""

    line: int
    column: int
    end_line: int
    end_column: int


class Whereabouts:
    """The strings of a manifest's text with their places."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._strings = tuple(_strings(text))

    def requirement(self, written: str, name: str) -> Region | None:
        """Where a requirement is written: in a stage if it stands there, else wherever it does, else by its name."""
        stages = self._after("stages")
        wanted = [(start, end) for start, end, value in self._strings if value == written]
        named = [(start, end) for start, end, value in self._strings if _name(value) == name]
        inside = [place for place in (*wanted, *named) if stages is not None and place[0] > stages]
        return self._region(next(iter((*inside, *wanted)), None))

    def exclusion(self, distribution: str) -> Region | None:
        """Where an exclusion for a distribution is written."""
        begin = self._after("exclude")
        if begin is None:
            return None
        found = ((start, end) for start, end, value in self._strings if start > begin and _name(value) == distribution)
        return self._region(next(found, None))

    def _after(self, key: str) -> int | None:
        match = re.search(KEY.format(key), self._text, re.MULTILINE)
        return match.start() if match else None

    def _region(self, place: tuple[int, int] | None) -> Region | None:
        if place is None:
            return None
        (line, column), (end_line, end_column) = map(self._position, place)
        return Region(line=line, column=column, end_line=end_line, end_column=end_column)

    def _position(self, offset: int) -> tuple[int, int]:
        before = self._text[:offset]
        return before.count("\n") + 1, offset - before.rfind("\n")


def _strings(text: str) -> Iterator[tuple[int, int, str]]:
    """Find the strings that are values, but for names: a stage may be called as what it lists."""
    for token in TOKEN.finditer(text):
        if AS_KEY.match(text, token.end()) or AS_NAME.search(text[max(0, token.start() - 40) : token.start()]):
            continue
        if token["basic"] is not None:
            yield token.start(), token.end(), _value(token["basic"])
        elif token["literal"] is not None:
            yield token.start(), token.end(), token["literal"][1:-1]


def _value(literal: str) -> str:
    try:
        return str(json.loads(literal))
    except ValueError:  # an escape that only TOML has
        return literal[1:-1]


def _name(value: str) -> str:
    match = NAME.match(value)
    return canonical_name(match[1]) if match else ""
