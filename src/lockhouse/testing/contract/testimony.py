"""What was seen of a plugin's accelerators while they were asked: values, so that they can be written down and judged.

A witness (:mod:`lockhouse.testing.contract.witness`) asks, in a process of its own, and writes lines of JSON while it
does: of a process that is gone one knows how far it came.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lockhouse.codec import decode, encode

__all__ = ["Answer", "Deed", "Line", "Subject", "Testimony", "line_of", "testimony_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An accelerator that the plugin gives; ``mismatch`` says why it is none."""

    namespace: str
    mismatch: str | None
    family: tuple[str, ...] = ()
    labelled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a method answered in one case.

    ``kind`` is the type's name and ``value`` its JSON; ``unkept`` says why it has none, ``error`` what was raised
    instead. ``late`` if it was given up.
    """

    namespace: str
    method: str
    case: str
    seconds: float
    kind: str = ""
    value: str | None = None
    unkept: str | None = None
    error: str | None = None
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that the plugin did to its process or to the world, and during what."""

    kind: Literal["import", "library", "program", "network", "write", "left behind"]
    what: str
    during: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """How loading went. ``others`` maps namespaces that other plugins give to who gives them."""

    error: str | None = None
    late: bool = False
    others: Mapping[str, str] = field(default_factory=dict)
    claimed: Mapping[str, str] = field(default_factory=dict)
    """Names of variants that are asked about, and which other accelerator claims them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What the witness was about to do."""

    what: str


Line = Subject | Answer | Deed | Loaded | Begun
KINDS: dict[str, type[Line]] = {kind.__name__: kind for kind in (Subject, Answer, Deed, Loaded, Begun)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Testimony:
    """All that one witness saw. ``unfinished`` is what it was about to do when its process ended or was ended."""

    loaded: Loaded | None
    subjects: tuple[Subject, ...]
    answers: tuple[Answer, ...]
    deeds: tuple[Deed, ...]
    unfinished: str | None
    ended: str
    printed: str

    def of(self, namespace: str, *methods: str) -> tuple[Answer, ...]:
        """Answers of one accelerator to some of its methods."""
        return tuple(item for item in self.answers if item.namespace == namespace and item.method in methods)


def line_of(value: Line) -> str:
    """Write one line."""
    return json.dumps([type(value).__name__, encode(value)]) + "\n"


def testimony_of(text: str, *, ended: str, printed: str) -> Testimony:
    """Read what a witness wrote; a last line that is torn counts as not written."""
    lines: list[Line] = []
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):
            name, data = json.loads(line)
            lines.append(decode(KINDS[name], data))
    last = lines[-1] if lines else None
    begun = [item for item in lines if isinstance(item, Begun)]
    return Testimony(
        loaded=next((item for item in lines if isinstance(item, Loaded)), None),
        subjects=tuple(item for item in lines if isinstance(item, Subject)),
        answers=tuple(item for item in lines if isinstance(item, Answer)),
        deeds=tuple(item for item in lines if isinstance(item, Deed)),
        unfinished=None if last == END else (begun[-1].what if begun else "starting"),
        ended=ended,
        printed=printed,
    )


END = Begun(what="nothing more")
"""The last line of a witness that came to its end."""
