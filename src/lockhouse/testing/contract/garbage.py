"""Answers that no driver should give, and that some day one does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["BROKEN", "FAILURES", "Said", "mutations"]


@dataclass(frozen=True, slots=True)
class Said:
    """What a question brings: an answer, or why there is none."""

    answer: str | None = None
    error: str | None = None


BROKEN: dict[str, str] = {
    "empty": "",
    "blank": " \n\t\r\n ",
    "null": "null",
    "true": "true",
    "zero": "0",
    "negative": "-1",
    "not a number": "NaN",
    "infinite": "1e999",
    "empty list": "[]",
    "empty object": "{}",
    "empty text": '""',
    "list of lists": "[[[[]]], [null], [0.5]]",
    "object of objects": '{"": {"": {}}, "devices": {"0": null}, "version": [], "status": "0"}',
    "half a character": '{"name": "\\ud800", "devices": [{"name": "\\udfff"}]}',
    "unfinished JSON": '{"devices": [{"name": "GPU", "memory": 17179',
    "deep": "[" * 60_000,
    "long number": "9" * 100_000,
    "long line": "x" * 250_000,
    "many lines": "0, a, b, c, d\n" * 15_000,
    "binary": bytes(range(1, 256)).decode("latin-1"),
    "replacement characters": "\ufffd" * 200,
    "terminal codes": "\x1b[31mERROR\x1b[0m\x07",
    "foreign digits": "١٢٣.٤٥.٦, ४५६",
    "right to left": "\u202e0.1.23 revird",
    "page of a proxy": "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head></html>",
    "usage": "usage: smi [-h] [--query]\nsmi: error: unrecognized arguments: --query",
    "crash": "Segmentation fault (core dumped)",
    "no value": "[N/A], [Not Supported], [Unknown Error], N/A, None, -",
    "commas": ",,,,,,,,,,\n,,,,",
    "open quote": '0, "GPU, 550.54, 9.0, 80000\n1, GPU',
    "percent and braces": "%s %n {0} {name} ${HOME} `id`",
    "version of everything": "1.2.3.4.5.6.7.8.9.10-rc1+local~deb12u1",
    "colons": ":::\n: :\nname:\n:value",
}
"""Answers by what is wrong with them; each is at most as long as lockhouse keeps an answer."""

FAILURES: dict[str, str] = {
    "exit status": "exit status 9: no devices were found",
    "no words": "exit status 255",
    "signal": "killed by signal 11",
    "time limit": "no answer within 5 s; stopped",
    "not there": "FileNotFoundError: [Errno 2] No such file or directory: 'smi'",
    "not allowed": "Permission denied",
}
"""Why there may be no answer."""

LEAVES: tuple[object, ...] = (None, [], {}, "", "text", -1, 0, 10**30, 1.5, True, "\ud800")


def mutations(answers: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Give damaged versions of good answers: the question, what was done to its answer, and the result."""
    for name, text in answers.items():
        for part in (1, 2, 3):
            yield name, f"cut after {part}/4", text[: len(text) * part // 4]
        yield name, "said twice", text * 2
        yield name, "in capitals", text.upper()
        yield name, "lines in reverse", "\n".join(reversed(text.splitlines()))
        yield name, "without digits", "".join("x" if char.isdigit() else char for char in text)
        yield name, "with huge numbers", "".join("9" * 25 if char.isdigit() else char for char in text)[:250_000]
        yield name, "without spaces", "".join(text.split())
        yield name, "of nulls", text.replace("e", "\x01")
        yield from ((name, done, damaged) for done, damaged in _mutated_json(text))


def _mutated_json(text: str) -> Iterator[tuple[str, str]]:
    try:
        data = json.loads(text)
    except ValueError:
        return
    if not isinstance(data, dict | list):
        return
    for place in _places(data):
        for leaf in LEAVES:
            copy = json.loads(text)
            inner = copy
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = leaf
            yield f"{'.'.join(map(str, place))} = {leaf!r:.20}", json.dumps(copy)


def _places(data: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Give the way to every member of lists and objects, at most a hundred."""
    items: Iterator[tuple[str | int, object]]
    if isinstance(data, dict):
        items = iter(list(data.items())[:50])
    elif isinstance(data, list):
        items = iter(list(enumerate(data))[:2])
    else:
        return
    for key, value in items:
        yield (*at, key)
        yield from _places(value, (*at, key))
