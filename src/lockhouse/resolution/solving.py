"""One question answered: the wheels for a set of stages, with their metadata and the graph that they form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lockhouse.errors import InternalError, ResolutionError
from lockhouse.events import Emit
from lockhouse.host import Interpreter
from lockhouse.manifest import CREATE_STAGE, Manifest, Wish
from lockhouse.plan import ExcludedEdge
from lockhouse.resolution.graph import Graph, Node
from lockhouse.resolution.routing import AT_ONCE, DEFAULT, VARIANT, Servers, local_folders, located
from lockhouse.resolution.uv import Cut, Preference, Request, Resolved, Server, resolve
from lockhouse.wheels.client import Client, Link
from lockhouse.wheels.configuration import PipConfiguration
from lockhouse.wheels.fetching import fetch_unhashed
from lockhouse.wheels.metadata import Metadata
from lockhouse.wheels.wheelhouse import Wheelhouse

__all__ = ["TOOLS", "Answer", "ChosenWheel", "Solver"]

TOOLS = ("pip", "setuptools", "wheel")
"""What every environment has from its creation on."""

ROUNDS = 12
"""Resolutions before giving up on routes and cuts that keep changing the answer; real manifests need one to three."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was chosen for the wished stages; ``listed`` maps canonical names to their stage."""

    wheels: Mapping[str, ChosenWheel]
    graph: Graph
    listed: Mapping[str, str]
    roots: Mapping[str, Wish]
    excluded: tuple[ExcludedEdge, ...]
    notes: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Solver:
    """Resolves stages of one manifest for one target."""

    manifest: Manifest
    interpreter: Interpreter
    tags: tuple[str, ...]
    configuration: PipConfiguration
    client: Client
    wheelhouse: Wheelhouse
    servers: Servers
    constraints: tuple[str, ...]
    preferences: tuple[Preference, ...]
    offline: bool
    emit: Emit
    _metadata: dict[str, Metadata] = field(default_factory=dict)

    def solve(self, wishes: Sequence[tuple[str, Wish]]) -> Answer:
        """Find wheels for the requirements of some stages, given with their stage, and for pip, setuptools, wheel.

        Raises ResolutionError if there are none.
        """
        request = self._request(wishes)
        if self.manifest.closure == "explicit":
            found, request = self._explicit(request, wishes)
        else:
            found, request = self._settle(request)
        return self._answer(found, request, wishes)

    def _request(self, wishes: Sequence[tuple[str, Wish]]) -> Request:
        requirements = [wish.requirement for _, wish in wishes]
        named = {_name(requirement) for requirement in requirements}
        requirements += [tool for tool in TOOLS if tool not in named]
        routes = {name: server for name, server in self.servers.routing.fixed.items() if name in named}
        self.servers.ask_ahead((server, name) for name, server in routes.items())
        for name, server in routes.items():
            if not self.servers.serves(server, name):
                raise ResolutionError(f"{name} cannot be planned", cause=self.servers.why_not(server, name))
        general, find_links, best = self._general()
        return Request(
            python=self.interpreter.executable,
            release=self.interpreter.release,
            tags=self.tags,
            requirements=tuple(requirements),
            constraints=self.constraints,
            general=general,
            find_links=find_links,
            explicit=self.servers.explicit(),
            routes=routes,
            strategy="unsafe-best-match" if best else "first-index",
            preferences=self.preferences,
            offline=self.offline,
        )

    def _general(self) -> tuple[tuple[Server, ...], tuple[str, ...], bool]:
        """What serves the names without a route, the find-links, and whether indexes are equals as pip has it."""
        if self.offline:
            local = local_folders(self.configuration.find_links, self.wheelhouse.folder)
            return (), tuple(str(folder) for folder in local), False
        if self.manifest.indexes:
            listed = [index for index in self.manifest.indexes if not index.explicit]
            # The manifest lists every index there is: the last one takes the place of the resolver's own default.
            last = len(listed) - 1
            urls = self.servers.routing.servers
            servers = [Server(name=item.name, url=urls[item.name], default=i == last) for i, item in enumerate(listed)]
            return tuple(servers), (), False
        # pip takes the best version of all its indexes, and the user's settings were written for pip.
        settings = self.configuration
        find_links = tuple(located(location, Path.cwd()) for location in settings.find_links)
        if settings.no_index:
            return (), find_links, True
        servers = [Server(name=f"extra-{i}", url=url) for i, url in enumerate(settings.extra_index_urls, 1)]
        if settings.index_url is not None:
            servers.append(Server(name="default", url=settings.index_url, default=True))
        return tuple(servers), find_links, True

    def _settle(self, request: Request) -> tuple[tuple[Resolved, ...], Request]:
        """Resolve again until every route is kept and every excluded edge is cut in the versions that were chosen."""
        request = self._cut_listed(request)
        for _ in range(ROUNDS):
            found = resolve(request, self.configuration)
            settled = self._cut(self._route(request, found), found)
            if settled == request:
                return found, request
            request = settled
        raise InternalError("planning did not settle", cause=f"routes and exclusions changed {ROUNDS} times")

    def _route(self, request: Request, found: Iterable[Resolved]) -> Request:
        """Send chosen names of the family, and dependencies with a fixed route, to the server that is theirs."""
        routing = self.servers.routing
        found, more = tuple(found), {}
        self.servers.ask_ahead(
            (routing.fixed.get(item.name, VARIANT), item.name)
            for item in found
            if item.name not in request.routes and (item.name in routing.fixed or item.name in routing.preferred)
        )
        for item in found:
            server = routing.fixed.get(item.name)
            if server is None and item.name in routing.preferred and self.servers.serves(VARIANT, item.name):
                server = VARIANT
            if server is None or item.name in request.routes:
                continue
            if not self.servers.serves(server, item.name):
                raise ResolutionError(f"{item.name} cannot be planned", cause=self.servers.why_not(server, item.name))
            more[item.name] = server
        if not more:
            return request
        # The resolver honours a route only for what is asked for directly.
        return replace(
            request,
            requirements=(*request.requirements, *sorted(more)),
            routes={**request.routes, **more},
            explicit=self.servers.explicit(),
        )

    def _cut_listed(self, request: Request) -> Request:
        """Cut edges of listed distributions before the first resolution: with them there may be no solution."""
        wanted = {canonicalize_name(edge.distribution) for edge in self.manifest.exclude}
        direct = tuple(line for line in request.requirements if _name(line) in wanted)
        if not direct:
            return request
        routes = {name: server for name, server in request.routes.items() if name in wanted}
        alone = replace(request, requirements=direct, routes=routes, constraints=(), dependencies=False)
        return self._cut(request, resolve(alone, self.configuration))

    def _cut(self, request: Request, found: Iterable[Resolved]) -> Request:
        cut = {(item.name, item.version) for item in request.cuts}
        wanted = {canonicalize_name(edge.distribution) for edge in self.manifest.exclude}
        more = []
        for item in found:
            if item.name not in wanted or (item.name, item.version) in cut:
                continue
            metadata = self._metadata_of(item)
            kept = tuple(line for line in metadata.requires if not self._excluding(item.name, line))
            if kept != metadata.requires:
                more.append(
                    Cut(
                        name=item.name,
                        version=item.version,
                        requires=kept,
                        requires_python=metadata.requires_python,
                    )
                )
        return replace(request, cuts=(*request.cuts, *more)) if more else request

    def _excluding(self, name: str, line: str) -> bool:
        return any(
            canonicalize_name(edge.distribution) == name and canonicalize_name(edge.dependency) == _name(line)
            for edge in self.manifest.exclude
        )

    def _explicit(self, request: Request, wishes: Sequence[tuple[str, Wish]]) -> tuple[tuple[Resolved, ...], Request]:
        """Choose versions that fit each other if there are any; what is not listed stays out, for the scan to name."""
        try:
            found, settled = self._settle(request)
        except ResolutionError:
            settled = replace(request, dependencies=False)
            found = resolve(settled, self.configuration)
        listed = {_name(wish.requirement) for _, wish in wishes} | set(TOOLS)
        return tuple(item for item in found if item.name in listed), settled

    def _answer(self, found: Sequence[Resolved], request: Request, wishes: Sequence[tuple[str, Wish]]) -> Answer:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            chosen = list(threads.map(lambda item: self._choose(item, request.routes), found))
        wheels = {wheel.name: wheel for wheel in chosen}
        roots = {_name(wish.requirement): wish for _, wish in wishes}
        listed = {_name(wish.requirement): stage for stage, wish in wishes}
        for tool in TOOLS:
            roots.setdefault(tool, Wish(requirement=tool))
            listed[tool] = CREATE_STAGE
        excluded, notes = self._exclusions(wheels)
        graph = Graph(
            [
                Node(
                    name=name,
                    requires=wheel.metadata.requires,
                    root=roots[name].requirement if name in roots else None,
                )
                for name, wheel in wheels.items()
            ],
            self.interpreter.markers,
            [(edge.distribution, edge.dependency) for edge in excluded],
        )
        return Answer(wheels=wheels, graph=graph, listed=listed, roots=roots, excluded=excluded, notes=notes)

    def _exclusions(self, wheels: Mapping[str, ChosenWheel]) -> tuple[tuple[ExcludedEdge, ...], tuple[str, ...]]:
        edges, notes = [], []
        for edge in self.manifest.exclude:
            name, dependency = canonicalize_name(edge.distribution), canonicalize_name(edge.dependency)
            lines = [
                line for line in (wheels[name].metadata.requires if name in wheels else ()) if _name(line) == dependency
            ]
            if lines:
                edges.append(
                    ExcludedEdge(
                        distribution=name, dependency=dependency, requirement="; ".join(lines), reason=edge.reason
                    )
                )
            elif name in wheels:
                version = wheels[name].version
                notes.append(f"the exclusion {name} -> {dependency} cuts nothing: {name} {version} does not ask for it")
            else:
                notes.append(f"the exclusion {name} -> {dependency} cuts nothing: {name} is not planned")
        return tuple(edges), tuple(notes)

    def _choose(self, item: Resolved, routes: Mapping[str, str]) -> ChosenWheel:
        url = self.servers.origin(item.url, item.filename)
        link = _link(item, url)
        sha256, size = item.sha256, item.size
        if sha256 is None:
            sha256, size = fetch_unhashed(link, self.wheelhouse, self.client, self.emit)
        return ChosenWheel(
            name=item.name,
            version=item.version,
            filename=item.filename,
            url=url,
            sha256=sha256,
            size=self.client.size(url) if size is None else size,
            index=routes.get(item.name, DEFAULT),
            metadata=self._metadata_of(item),
            yanked=item.yanked,
        )

    def _metadata_of(self, item: Resolved) -> Metadata:
        if item.filename not in self._metadata:
            url = self.servers.origin(item.url, item.filename)
            self._metadata[item.filename] = self.client.metadata(_link(item, url))
        return self._metadata[item.filename]


def _link(item: Resolved, url: str) -> Link:
    return Link(
        filename=item.filename,
        url=url,
        sha256=item.sha256,
        size=item.size,
    )


def _name(line: str) -> str:
    """Canonical name of a requirement line; empty for a line that is none (sloppy metadata exists)."""
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        return ""
