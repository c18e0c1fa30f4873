"""What came back from a question, taken apart with care: tools answer with anything, and nothing may break a reading.

For plugins: each function takes whatever there is and gives something of one kind, or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lockhouse.host import Probe

__all__ = ["amount", "entries", "json_object", "json_value", "label", "overdue"]

MOST_ENTRIES = 64
LONGEST_LABEL = 200


def json_value(probe: Probe | None) -> Any:
    """The JSON value in an answer, or None; text before it is passed over, because tools print warnings first."""
    text = (probe.answer if probe else None) or ""
    start = min((position for position in (text.find("{"), text.find("[")) if position >= 0), default=0)
    try:
        return json.loads(text[start:])
    except (ValueError, RecursionError):
        return None


def json_object(probe: Probe | None) -> dict[str, Any]:
    """The JSON object in an answer, or an empty one."""
    data = json_value(probe)
    return data if isinstance(data, dict) else {}


def entries(value: object) -> Iterator[dict[str, Any]]:
    """The objects in a list, the first few; nothing if it is no list."""
    for item in value[:MOST_ENTRIES] if isinstance(value, list) else []:
        if isinstance(item, dict):
            yield item


def label(value: object) -> str:
    """Clean text of what should be a name, in one line, else nothing. JSON can spell half characters."""
    if not isinstance(value, str):
        return ""
    return " ".join(value.encode("utf-8", "replace").decode().split())[:LONGEST_LABEL].strip()


def amount(value: object) -> int | None:
    """A positive number, also one that is written as text."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 24:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def overdue(answers: Mapping[str, Probe]) -> list[str]:
    """Say which questions were given up on, for the notes."""
    return [f"{name}: {probe.error}" for name, probe in answers.items() if probe.error and "stopped" in probe.error]
