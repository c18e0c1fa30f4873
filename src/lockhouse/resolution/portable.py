"""Addresses that lead somewhere on every machine, for wheels that the resolver found on this one.

Where a place on this machine and a server have the same version, the resolver takes the nearer one, though the server
may have a wheel that fits better. A plan is to be the same on machines without that place, and to say where everybody
finds the wheel; the download uses the copy that is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockhouse.errors import LockhouseError
from lockhouse.resolution.explaining import Unsolvable
from lockhouse.resolution.uv import Request, Resolved, preference

__all__ = ["portable"]

ATTEMPTS = 3
"""Questions before wheels stay with their files: each failure tells of one wheel that no server has."""


def portable(
    found: Sequence[Resolved], request: Request, ask: Callable[[Request], Sequence[Resolved]]
) -> tuple[Resolved, ...]:
    """Give wheels that lie on this machine the address at which a server has the same file, or a better fitting one.

    ``request`` is the one that was answered, ``ask`` puts another one to servers alone. What has a route, and what no
    server has, stays as it is; so does everything if the servers do not answer. A file of the same name and other
    content was put there on purpose, and stays too.
    """
    pins = {
        item.name: f"{item.name}=={item.version}"
        for item in found
        if item.url.startswith("file:") and item.name not in request.routes
    }
    for _ in range(ATTEMPTS):
        if not pins:
            break
        asked = replace(
            request, requirements=tuple(pins.values()), constraints=(), routes={}, preferences=(), dependencies=False
        )
        try:
            served = {item.name: item for item in ask(asked)}
        except Unsolvable as error:
            refused = [canonicalize_name(Requirement(text).name) for text in error.proof.asked]
            if not any(name in pins for name in refused):
                break
            pins = {name: pin for name, pin in pins.items() if name not in refused}
        except LockhouseError:
            break
        else:
            rank = {tag: position for position, tag in enumerate(request.tags)}
            return tuple(_preferred(item, served.get(item.name), rank) for item in found)
    return tuple(found)


def _preferred(item: Resolved, other: Resolved | None, rank: Mapping[str, int]) -> Resolved:
    if other is None:
        return item
    if other.filename == item.filename:
        return replace(item, url=other.url) if other.sha256 == item.sha256 is not None else item
    return min(item, other, key=lambda wheel: preference(wheel.filename, rank)[:2])
