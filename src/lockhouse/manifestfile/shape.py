"""The shape of a manifest, by its JSON Schema, with errors that a person can act on."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lockhouse.errors import Problem
from lockhouse.manifestfile.schema import manifest_schema

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

__all__ = ["shape_problems"]

LARGEST = 1e15

HALF = re.compile(r"[\ud800-\udfff]")
"""What UTF-16 writes one half of a character as: alone it is none."""

Json = Any  # what json.loads and tomllib.loads give


def shape_problems(data: Json) -> Iterator[Problem]:
    """Yield every place where the data has not the shape of a manifest."""
    from jsonschema import Draft202012Validator, validators

    # `$` is the end of the text in JSON Schema, and in Python also before a newline there.
    strict = validators.extend(Draft202012Validator, {"pattern": _fits})  # type: ignore[no-untyped-call]
    validator = strict(manifest_schema())
    yield from _unusable(data, "")
    for error in sorted(validator.iter_errors(data), key=lambda error: [str(part) for part in error.absolute_path]):
        yield from _problems_of(error)


def _fits(_: object, pattern: str, instance: Json, __: object) -> Iterator[ValidationError]:
    from jsonschema.exceptions import ValidationError

    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _unusable(data: Json, path: str) -> Iterator[Problem]:
    """Yield what only looks like a number or a text.

    TOML can say nan and inf, Python's JSON too, and no clock counts so far. JSON can say half a character, a surrogate
    without its other half, and no file can hold that.
    """
    if isinstance(data, Mapping):
        for key, item in data.items():
            yield from _unusable(key, _join(path, str(key)))
            yield from _unusable(item, _join(path, str(key)))
    elif isinstance(data, list):
        for i, item in enumerate(data):
            yield from _unusable(item, f"{path}[{i}]")
    elif isinstance(data, str):
        if HALF.search(data):
            yield Problem(path, f"{data!r:.60} holds half a character, which cannot be written")
    elif isinstance(data, float | int) and not -LARGEST <= data <= LARGEST:
        yield Problem(path, "must be a number that a machine can count to")


def _problems_of(error: ValidationError) -> Iterator[Problem]:
    path = _path(list(error.absolute_path))
    rule: Json = error.validator_value
    schema: Json = error.schema
    if error.validator == "anyOf" and error.context:
        # The alternatives are a short form and an object; what was written tells which of the two was meant.
        meant = [item for item in error.context if item.validator != "type" or item.relative_path]
        if meant:
            for item in meant:
                yield from _problems_of(item)
            return
        wanted = " or ".join(_article(item.validator_value) for item in error.context if item.validator == "type")
        yield Problem(path, f"must be {wanted or 'a string or an object'}, not {_kind(error.instance)}")
    elif error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = list(schema["properties"])
        for key in error.instance:
            if key not in known:
                yield Problem(_join(path, str(key)), _unknown(str(key), known))
    elif error.validator == "required" and isinstance(error.instance, Mapping):
        for key in rule:
            if key not in error.instance and repr(key) in error.message:
                yield Problem(_join(path, key), "is missing")
    elif error.validator == "type":
        yield Problem(path, f"must be {_article(rule)}, not {_kind(error.instance)}")
    elif error.validator == "enum":
        choices = ", ".join(map(str, rule))
        yield Problem(path, f"must be one of {choices}; it is {error.instance!r}{_meant(error.instance, rule)}")
    elif error.validator == "pattern":
        yield Problem(path, f"{error.instance!r} does not fit: {_pattern(rule)}")
    elif error.validator in ("minItems", "minLength"):
        yield Problem(path, "must not be empty")
    elif error.validator == "maxLength":
        name = str(error.instance)
        told = (
            f"{name[:20]}…: files are named for it, so {rule} characters are the most that it can have, not {len(name)}"
        )
        yield Problem(path, told)
    else:
        yield Problem(path, error.message)


def _meant(written: Json, choices: Sequence[Json]) -> str:
    close = difflib.get_close_matches(str(written), [str(item) for item in choices], n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _unknown(key: str, known: Sequence[str]) -> str:
    spelt = key.replace("_", "-").lower()
    close = [spelt] if spelt in known else difflib.get_close_matches(spelt, known, n=1, cutoff=0.6)
    return "there is no such field" + (f"; did you mean {close[0]!r}?" if close else f" (known: {', '.join(known)})")


def _pattern(pattern: str) -> str:
    if "[0-9]+\\." in pattern:
        return "a Python version is written 3.11 or 3.11.7"
    return "letters a-z, digits, - and _, beginning with a letter or a digit"


def _article(kind: object) -> str:
    names = {
        "object": "an object",
        "array": "a list",
        "string": "a string",
        "integer": "an integer",
        "number": "a number",
        "boolean": "true or false",
    }
    return names.get(str(kind), str(kind))


def _kind(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    names = {str: "a string", int: "a number", float: "a number", dict: "an object", list: "a list"}
    return names.get(type(value), type(value).__name__)


def _path(parts: Sequence[str | int]) -> str:
    path = ""
    for part in parts:
        path = f"{path}[{part}]" if isinstance(part, int) else _join(path, part)
    return path


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
