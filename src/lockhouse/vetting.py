"""What plugins give, looked at before anybody uses it: whether it is what it should be, and if not, what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import PurePath
from typing import TypeVar

from lockhouse.accelerators import Accelerator, Question
from lockhouse.codec import DecodeError, decode, encode
from lockhouse.confinement import Quit
from lockhouse.manifest import Check
from lockhouse.patience import Overrun
from lockhouse.steps import Step

__all__ = [
    "LONGEST_KEPT",
    "MOST_QUESTIONS",
    "NAMESPACE",
    "all_of",
    "describe_error",
    "kept",
    "malformed",
    "mismatch",
    "text_or_none",
    "texts",
]

NAMESPACE = re.compile(r"[a-z][a-z0-9_-]*")
MOST_QUESTIONS = 64
"""Questions of one accelerator; each is a process."""

LONGEST_KEPT = 256 * 1024
"""Bytes of JSON that one reading or support may have: it is shown to people, and goes into the lock."""

T = TypeVar("T")


def describe_error(error: BaseException) -> str:
    """Tell an exception in one line: its kind and the first line of what it says."""
    if isinstance(error, Overrun | Quit):
        return str(error)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def mismatch(item: object, kind: type) -> str | None:
    """Say why an item is no ``kind``, or None if it is one; for a Protocol name what is missing.

    Whatever serves as its key (``name``, ``namespace``) must be a text; an accelerator's goes into names of files. The
    fields of a value must be of the types that it declares.
    """
    try:
        if not isinstance(item, kind):
            text = f"gave a {type(item).__name__}, not a {kind.__name__}"
            wanted = vars(kind) if getattr(kind, "_is_protocol", False) else ()
            missing = [name for name in sorted(wanted) if not name.startswith("_") and not hasattr(item, name)]
            return f"{text}: it has no {', '.join(missing)}" if missing else text
        key = getattr(item, "namespace", getattr(item, "name", ""))
        if not isinstance(key, str):
            return f"gave a {type(item).__name__} whose name is a {type(key).__name__}"
        if isinstance(item, Accelerator):
            if not NAMESPACE.fullmatch(key):
                return f"gave the namespace {key!r}, which is not {NAMESPACE.pattern}"
            for field in ("family", "labelled"):
                value = getattr(item, field)
                if isinstance(value, str) or not all(isinstance(name, str) for name in value):
                    return f"gave the accelerator {key} with {field}={value!r:.100}; it must be a set of names"
        if isinstance(item, Check | Question):
            decode(type(item), encode(item))
        if isinstance(item, Step):
            return malformed(item)
    except DecodeError as error:
        return f"gave a {type(item).__name__} that is none: {error}"
    except Exception as error:  # noqa: BLE001  a stranger's properties
        return f"gave a {type(item).__name__} that raised {describe_error(error)}"
    return None


def malformed(step: Step) -> str | None:
    """Say what is wrong with a plugin's step itself, or None; whether it fits among the others is another question."""
    for field in ("name", "phase", "doc"):
        if not isinstance(getattr(step, field), str):
            return f"gave a step whose {field} is {getattr(step, field)!r}, not a text"
    for field, kind in (("needs", str), ("inputs", (str, PurePath)), ("outputs", (str, PurePath))):
        value = getattr(step, field)
        if (
            isinstance(value, str)
            or not isinstance(value, Iterable)
            or not all(isinstance(item, kind) for item in value)
        ):
            return f"gave the step {step.name} with {field}={value!r}; it must be a tuple, ('one',) for a single one"
    for field in ("run", "up_to_date", "done"):
        value = getattr(step, field)
        if not callable(value) and not (value is None and field != "run"):
            return f"gave the step {step.name} whose {field} cannot be called"
    if not isinstance(step.replaces, str | None):
        return f"gave the step {step.name} with replaces={step.replaces!r}; it must be the name of one step"
    return None


def all_of(kind: type[T], given: Iterable[object], most: int = 10_000) -> tuple[T, ...]:
    """Give all items of an answer; raise TypeError for one that is of another kind, or has fields that are.

    Raise ValueError for more than ``most``.
    """
    items = tuple(islice(given, most + 1))
    if len(items) > most:
        raise ValueError(f"gave more than {most} of the kind {kind.__name__}")
    for item in items:
        if problem := mismatch(item, kind):
            raise TypeError(problem)
    return tuple(item for item in items if isinstance(item, kind))


def text_or_none(given: object) -> str | None:
    """Give a text or None; raise TypeError for anything else."""
    if given is None or isinstance(given, str):
        return given
    raise TypeError(f"gave a {type(given).__name__}, not a text or None")


def texts(given: object) -> dict[str, str]:
    """Give a mapping of texts to texts; raise TypeError for another one."""
    if not isinstance(given, Mapping):
        raise TypeError(f"gave a {type(given).__name__}, not a mapping")
    found = {}
    for name, value in given.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"gave {name!r}: {value!r}, which are not both texts")
        found[name] = value
    return found


def kept(kind: type[T], given: object) -> T:
    """Write a value and read it back: what cannot be kept would be lost between this step and the next.

    Raise TypeError or ValueError where it cannot, or is longer than anybody would read.
    """
    written = json.dumps(encode(given), ensure_ascii=False).encode()
    if len(written) > LONGEST_KEPT:
        raise ValueError(f"gave a {type(given).__name__} of {len(written)} bytes; {LONGEST_KEPT} are the most")
    return decode(kind, json.loads(written))
