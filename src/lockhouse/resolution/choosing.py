"""From what the resolver chose to what the plan says of it: hash, size and metadata, at the least cost.

Where nothing less than the whole wheel will do, it is kept in the wheelhouse: the download finds it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from pathlib import Path
from typing import TypeVar

from packaging.utils import canonicalize_name

from lockhouse.errors import NetworkError
from lockhouse.events import Emit
from lockhouse.resolution.places import Places
from lockhouse.resolution.routing import DEFAULT
from lockhouse.resolution.uv import Resolved
from lockhouse.values import dataclass
from lockhouse.wheels.client import Client, Link
from lockhouse.wheels.fetching import fetch_one
from lockhouse.wheels.metadata import Metadata
from lockhouse.wheels.wheelhouse import Wheelhouse

__all__ = ["Chooser", "ChosenWheel", "withdrawn"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenWheel:
    """A wheel with all that the plan says of it; ``index`` is the name of the server it came from."""

    name: str
    version: str
    filename: str
    url: str
    sha256: str
    size: int
    index: str
    metadata: Metadata
    yanked: str | None


@dataclass(slots=True, kw_only=True)
class Chooser:
    """Looks at wheels, once each. ``open_indexes`` names the indexes that serve what has no route."""

    client: Client
    wheelhouse: Wheelhouse
    places: Places
    open_indexes: Sequence[str]
    emit: Emit
    _metadata: dict[str, Metadata] = field(default_factory=dict)

    def choose(self, item: Resolved, routes: Mapping[str, str]) -> ChosenWheel:
        """Give a wheel that the resolver chose as the plan will have it; ``routes`` are those it was found by."""
        link = _link(item)
        if link.sha256 is None:
            path = self._fetch(link, ())
            link = replace(link, sha256=self.wheelhouse.sha256(path), size=path.stat().st_size)
        if link.size is None:
            link = replace(link, size=self._anywhere(link, routes, lambda link: self.client.size(link.url)))
        assert link.sha256 is not None
        assert link.size is not None
        return ChosenWheel(
            name=item.name,
            version=item.version,
            filename=item.filename,
            url=item.url,
            sha256=link.sha256,
            size=link.size,
            index=routes.get(item.name, DEFAULT),
            metadata=self._described(link, routes),
            yanked=item.yanked,
        )

    def metadata(self, item: Resolved, routes: Mapping[str, str]) -> Metadata:
        """Give the metadata of a wheel that the resolver chose."""
        return self._described(_link(item), routes)

    def _described(self, link: Link, routes: Mapping[str, str]) -> Metadata:
        known = self._metadata.get(link.filename)
        if known is None:
            mirrors = self._mirrors(link, routes)
            known = self._anywhere(
                link, routes, lambda link: self.client.metadata(link, lambda whole: self._fetch(whole, mirrors))
            )
            self._metadata[link.filename] = known
        return known

    def _fetch(self, link: Link, mirrors: Sequence[str]) -> Path:
        return fetch_one(link, self.wheelhouse, self.client, self.emit, mirrors=mirrors)

    def _anywhere(self, link: Link, routes: Mapping[str, str], ask: Callable[[Link], T]) -> T:
        """Ask something about a wheel where the resolver found it, else at a mirror of that index."""
        try:
            return ask(link)
        except NetworkError:
            for other in self.client.elsewhere(link, self._mirrors(link, routes)):
                with suppress(NetworkError):
                    return ask(other)
            raise

    def _mirrors(self, link: Link, routes: Mapping[str, str]) -> tuple[str, ...]:
        """Where else there may be a wheel; which index one without a route came from is not known."""
        name = canonicalize_name(link.filename.partition("-")[0])
        owners = [routes[name]] if name in routes else self.open_indexes
        return tuple(url for owner in owners for url in self.places.elsewhere(owner))


def withdrawn(wheels: Iterable[ChosenWheel]) -> Iterator[str]:
    """Tell what was taken although it was yanked (PEP 592): for the sake of a pin, or of the lock, which is one."""
    for wheel in wheels:
        if wheel.yanked is not None:
            reason = f": {wheel.yanked}" if wheel.yanked else ""
            who = f"{wheel.name} {wheel.version}"
            yield f"{who} was yanked by its index{reason}; it is taken because it is pinned or locked"


def _link(item: Resolved) -> Link:
    return Link(filename=item.filename, url=item.url, sha256=item.sha256, size=item.size)
