"""Following what compiled files need through all wheels of a plan, as the loader would when Python imports them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from lockhouse.extensions import Extension

__all__ = ["Lack", "Linker", "Part"]


class Part(NamedTuple):
    """A compiled file and the distribution that brings it."""

    distribution: str
    extension: Extension


class Lack(NamedTuple):
    """A library that nobody provides, and the file that needs it: the one asked about, or one that it needs."""

    library: str
    needed_by: Part


class Linker:
    """Compiled files of several wheels. ``given`` says of a library whether the system has it, or need not be asked.

    A library counts as provided wherever in the plan it lies: what is not on a file's own search path is often loaded
    before it by an import (``import torch`` before its extensions), which cannot be told from outside.
    """

    def __init__(self, wheels: Mapping[str, Sequence[Extension]], given: Callable[[str, Extension], bool]) -> None:
        self._given = given
        self._providers: dict[str, list[Part]] = {}
        for name, extensions in wheels.items():
            for extension in extensions:
                if extension.kind == "elf":
                    part = Part(name, extension)
                    for known_as in {extension.name, extension.soname or extension.name}:
                        self._providers.setdefault(known_as, []).append(part)

    def provider(self, library: str, asking: str) -> Part | None:
        """Who provides a library to a distribution: it itself, else the first that does."""
        parts = self._providers.get(library, ())
        return next((part for part in parts if part.distribution == asking), parts[0] if parts else None)

    def lacking(self, part: Part) -> tuple[Lack, ...]:
        """What is missing for a file to be loaded, what it needs of other files of the plan included."""
        return tuple(self._walk(part))

    def _walk(self, start: Part) -> Iterator[Lack]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            part = waiting.pop()
            for library in part.extension.needed:
                if library in seen:
                    continue
                seen.add(library)
                provider = self.provider(library, part.distribution)
                if provider is not None:
                    waiting.append(provider)
                elif not self._given(library, part.extension):
                    yield Lack(library, part)
