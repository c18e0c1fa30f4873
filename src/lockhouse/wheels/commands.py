"""Commands: what the entry points of a wheel ask an installation to create."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EntryPoint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """A command that an installation creates; ``gui`` if it opens no console. ``target`` is ``module:attribute``."""

    name: str
    target: str
    gui: bool
