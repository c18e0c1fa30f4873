"""Manifest fields that this version understands but does not act on yet.

Nothing is silently ignored: a field whose effect is still to come is named when it is used, and is an error where going
on without it would build something else than was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from lockhouse.errors import Hint, ManifestError, Problem
from lockhouse.events import Emit, Message
from lockhouse.manifest import Manifest
from lockhouse.values import dataclass

__all__ = ["Foreseen", "foreseen_fields", "report_foreseen"]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A used field without effect; ``fatal`` if the result would not be what was asked for."""

    path: str
    message: str
    fatal: bool


def foreseen_fields(manifest: Manifest) -> Iterator[Foreseen]:
    """Name every used field that has no effect yet."""
    for i, stage in enumerate(manifest.stages):
        for j, wish in enumerate(stage.requirements):
            if wish.source != "wheel":
                path = f"stages[{i}].requirements[{j}].source"
                yield Foreseen(path, f"{wish.source!r} is not supported yet: only wheels are installed", True)
    if manifest.protect and not manifest.hosted:
        yield Foreseen("protect", "has an effect only with provider 'host'", False)
    if manifest.build:
        yield Foreseen("build", "has no effect yet: nothing is built from source", False)


def report_foreseen(manifest: Manifest, emit: Emit) -> None:
    """Warn of fields without effect; raise ManifestError if one of them must not be passed over."""
    found = list(foreseen_fields(manifest))
    fatal = [Problem(item.path, item.message) for item in found if item.fatal]
    if fatal:
        hint = Hint("remove-field", "remove the field, or wait for the version that supports it")
        raise ManifestError(f"{manifest.name} asks for what this version cannot do", problems=fatal, hints=[hint])
    for item in found:
        emit(Message(level="warning", text=f"{manifest.name}: {item.path} {item.message}"))
