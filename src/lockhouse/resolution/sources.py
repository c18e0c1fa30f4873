"""What serves the names that are routed nowhere: the manifest's open indexes, else what pip is configured to use."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockhouse.errors import LockhouseError
from lockhouse.manifest import Index
from lockhouse.resolution.hashes import wheelhouse_links, with_hash
from lockhouse.resolution.routing import addresses_of
from lockhouse.values import dataclass
from lockhouse.wheels.client import Client, Link
from lockhouse.wheels.configuration import PipConfiguration, shown_url
from lockhouse.wheels.constraints import Constraint, read_constraints
from lockhouse.wheels.local import local_path, located
from lockhouse.wheels.pages import write_page
from lockhouse.wheels.wheelhouse import Wheelhouse

__all__ = ["Sources", "find_sources"]

OF_PIP = "pip.{}"
"""Names of the indexes of pip's configuration; no index of a manifest has a dot in its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Indexes and find-links for everything without a route.

    ``addresses`` gives each index its own address and its mirrors, first index first. All of them are ``equal`` for
    pip, which takes the best version there is; else the first that knows a name serves it. ``closed`` if nothing else
    is to be asked, not even the index that the resolver has by default. ``stand_ins`` are the places where wheels may
    lie that an explicit index out of reach should have served. ``notes`` tell what was left aside.
    """

    addresses: Mapping[str, tuple[str, ...]]
    find_links: tuple[str, ...]
    equal: bool
    closed: bool
    stand_ins: tuple[str, ...]
    constraints: tuple[Constraint, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def default(self) -> str | None:
        """The index that takes the place of the resolver's own default; None if that one is to be asked."""
        if self.closed:
            return next(reversed(tuple(self.addresses)), None)
        return OF_PIP.format("default") if OF_PIP.format("default") in self.addresses else None

    @property
    def asks_anybody(self) -> bool:
        """Whether there is any place to look, the resolver's own default index included."""
        return bool(self.addresses or self.find_links) or not self.closed

    def served(self) -> Sources:
        """Those of these sources that are servers, and not on this machine."""
        addresses = {
            name: remote
            for name, urls in self.addresses.items()
            if (remote := tuple(url for url in urls if local_path(url) is None))
        }
        return replace(
            self,
            addresses=addresses,
            find_links=tuple(location for location in self.find_links if local_path(location) is None),
            # An index on this machine that stands in place of the resolver's own is a decision against that one.
            closed=self.closed or (self.default is not None and self.default not in addresses),
        )

    def constraining(self, planned: Container[str], routed: Container[str]) -> Iterator[str]:
        """Tell which constraints concern what is planned; those with a route are not bound by them."""
        for line in self.constraints:
            name = canonicalize_name(Requirement(line.requirement).name)
            if name in routed:
                yield f"{line.requirement} ({line.origin}) does not count: {name} comes from its own index"
            elif name in planned:
                yield f"{line.requirement} counts, a constraint of pip's configuration ({line.origin})"


def find_sources(
    indexes: Sequence[Index],
    configuration: PipConfiguration,
    client: Client,
    *,
    root: Path,
    wheelhouse: Wheelhouse,
    work: Path,
) -> Sources:
    """Find what serves the names without a route.

    ``indexes`` are the manifest's; ``root`` is where its folders begin, ``work`` is a folder for pages of our own.
    Raises UsageError for constraints of pip's configuration that cannot be read.
    """
    listed = {index.name: addresses_of(index, root) for index in indexes if not index.explicit}
    of_pip: list[str] = []
    usable = tuple(_usable(configuration.find_links, client, wheelhouse, work, of_pip))
    # The wheelhouse comes last: what also lies elsewhere is better known by that address.
    stand_ins = (*usable, *([str(wheelhouse.folder)] if wheelhouse.folder.is_dir() else []))
    addresses, notes = listed, [] if listed else of_pip
    find_links: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    if not listed:
        addresses, find_links = _configured(configuration), usable
        constraints = read_constraints(configuration.constraints, client.text, notes.append)
        notes += configuration.unheeded
    if client.offline:
        kept = {name: tuple(url for url in urls if local_path(url) is not None) for name, urls in addresses.items()}
        addresses = {name: urls for name, urls in kept.items() if urls}
        held = wheelhouse_links(wheelhouse)
        find_links = (*usable, *([_page(work / "wheelhouse.html", held)] if held else []))
    notes += _missing(addresses)
    return Sources(
        addresses=addresses,
        find_links=find_links,
        equal=not listed,
        closed=client.offline or bool(listed) or configuration.no_index,
        stand_ins=stand_ins,
        constraints=constraints,
        notes=tuple(notes),
    )


def _configured(configuration: PipConfiguration) -> dict[str, tuple[str, ...]]:
    if configuration.no_index:
        return {}
    here = Path.cwd()
    extra = enumerate(configuration.extra_index_urls, 1)
    found: dict[str, tuple[str, ...]] = {OF_PIP.format(i): (located(url, here),) for i, url in extra}
    if configuration.index_url is not None:
        found[OF_PIP.format("default")] = (located(configuration.index_url, here),)
    return found


def _usable(
    locations: Iterable[str], client: Client, wheelhouse: Wheelhouse, work: Path, notes: list[str]
) -> Iterator[str]:
    """Yield folders and pages as the resolver takes them; single wheels come on a page of our own."""
    single: list[Link] = []
    for location in locations:
        path = local_path(location)
        if path is not None and not path.exists():
            notes.append(f"pip's find-links {location} is skipped: it is not there")
        elif path is None and client.offline:
            continue
        elif (location if path is None else path.name).endswith(".whl"):
            single.append(with_hash(_single(location, path), wheelhouse))
        elif path is None:
            if _answers(location, client, notes):
                yield location
        elif path.is_dir() or not client.offline:  # a page may lead to servers
            yield str(path.absolute())
    if single:
        yield _page(work / "find-links.html", single)


def _page(path: Path, links: Iterable[Link]) -> str:
    write_page(path, links)
    return str(path)


def _single(location: str, path: Path | None) -> Link:
    url = location if path is None else path.absolute().as_uri()
    return Link(filename=unquote(urlsplit(url).path.rpartition("/")[2]), url=url)


def _answers(location: str, client: Client, notes: list[str]) -> bool:
    """Whether a page of links can be had; pip goes on without one that cannot, and so do we."""
    try:
        client.find_links(location, "pip")
    except LockhouseError as error:
        notes.append(f"pip's find-links {shown_url(location)} is skipped: {error.cause or error.summary}")
        return False
    return True


def _missing(addresses: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for urls in addresses.values():
        for path in map(local_path, urls):
            if path is not None and not path.is_dir():
                yield f"the index {path} is skipped: there is no such folder"
