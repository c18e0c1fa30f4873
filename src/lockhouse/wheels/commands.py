"""Commands: what the entry points of a wheel ask an installation to create."""

from __future__ import annotations

import re

from lockhouse.values import dataclass

__all__ = ["TARGET", "EntryPoint", "is_command"]

DOTTED = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
TARGET = re.compile(rf"(?P<module>{DOTTED})\s*:\s*(?P<attribute>{DOTTED})\s*(\[.*\])?")
NAME = re.compile(r"[^\s#;\[\]=:/\\\x00-\x1f](?:[^=:/\\\x00-\x1f]*[^\s=:/\\\x00-\x1f])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """A command that an installation creates; ``gui`` if it opens no console. ``target`` is ``module:attribute``."""

    name: str
    target: str
    gui: bool


def is_command(name: str, target: str) -> bool:
    """Whether a name is one for a file, and a target names a function: both are written into scripts."""
    return bool(NAME.fullmatch(name)) and name not in (".", "..") and bool(TARGET.fullmatch(target))
