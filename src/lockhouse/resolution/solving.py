"""One question answered: the wheels for a set of stages, with their metadata and the graph that they form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

from packaging.utils import canonicalize_name

from lockhouse.errors import InternalError, NetworkError, ResolutionError
from lockhouse.host import Interpreter
from lockhouse.manifest import CREATE_STAGE, Manifest, Wish
from lockhouse.plan import ExcludedEdge, GivenDistribution
from lockhouse.resolution.choosing import Chooser, ChosenWheel
from lockhouse.resolution.cutting import cut_edges, cut_of, distributions_of, name_of
from lockhouse.resolution.given import Given, given_nodes, relied_on
from lockhouse.resolution.graph import Graph, Node
from lockhouse.resolution.portable import portable
from lockhouse.resolution.routing import VARIANT
from lockhouse.resolution.servers import AT_ONCE, Servers, is_flat
from lockhouse.resolution.sources import Sources
from lockhouse.resolution.uv import Preference, Request, Resolved, Server, resolve
from lockhouse.values import dataclass
from lockhouse.wheels.configuration import PipConfiguration

__all__ = ["TOOLS", "Answer", "Solver"]

TOOLS = ("pip", "setuptools", "wheel")
"""What every environment has from its creation on."""

WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")

ROUNDS = 12
"""Resolutions before giving up on routes and cuts that keep changing the answer; real manifests need one to three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was chosen for the wished stages; ``listed`` maps canonical names to their stage."""

    wheels: Mapping[str, ChosenWheel]
    graph: Graph
    listed: Mapping[str, str]
    roots: Mapping[str, Wish]
    excluded: tuple[ExcludedEdge, ...]
    notes: tuple[str, ...]
    given: tuple[GivenDistribution, ...] | None = None


@dataclass(slots=True, kw_only=True)
class Solver:
    """Resolves stages of one manifest for one target."""

    manifest: Manifest
    interpreter: Interpreter
    tags: tuple[str, ...]
    configuration: PipConfiguration
    servers: Servers
    sources: Sources
    chooser: Chooser
    constraints: tuple[str, ...]
    preferences: tuple[Preference, ...]
    given: Given | None = None

    def solve(self, wishes: Sequence[tuple[str, Wish]]) -> Answer:
        """Find wheels for the requirements of some stages, given with their stage, and for pip, setuptools, wheel.

        On a host what is there stays, pip and the like included; if that is impossible, the answer is what would have
        to change, for the scan to refuse. Raises ResolutionError if there are none.
        """
        if self.given is None:
            return self._solve(self._request(wishes), wishes)
        try:
            return self._solve(self._beside(self._request(wishes), wishes, self.given), wishes)
        except ResolutionError as error:
            freed = self._beside(self._request(wishes), wishes, self.given, free=True)
            with suppress(ResolutionError):
                return self._solve(freed, wishes)
            raise error from None

    def _solve(self, request: Request, wishes: Sequence[tuple[str, Wish]]) -> Answer:
        if self.manifest.closure == "explicit":
            found, request = self._explicit(request, wishes)
        else:
            found, request = self._settle(request)
        return self._answer(found, request, wishes)

    def _request(self, wishes: Sequence[tuple[str, Wish]]) -> Request:
        requirements = [wish.requirement for _, wish in wishes]
        named = {name_of(requirement) for requirement in requirements}
        requirements += [tool for tool in self._tools if tool not in named]
        routes = {name: server for name, server in self.servers.routing.fixed.items() if name in named}
        # What is listed may be on the accelerator's index alone: then nobody else could resolve it.
        preferred = sorted(named & self.servers.routing.preferred)
        self.servers.ask_ahead(
            (*((server, name) for name, server in routes.items()), *((VARIANT, name) for name in preferred))
        )
        routes |= {name: VARIANT for name in preferred if self.servers.may_serve(VARIANT, name)}
        self.servers.require(routes)
        return Request(
            python=self.interpreter.executable,
            release=self.interpreter.release,
            tags=self.tags,
            requirements=tuple(requirements),
            constraints=self.constraints,
            routes=routes,
            strategy="unsafe-best-match" if self.sources.equal else "first-index",
            preferences=self.preferences,
            prereleases=self.configuration.pre,
            published_before=self.configuration.uploaded_prior_to,
            offline=self.servers.client.offline,
        )

    @property
    def _tools(self) -> tuple[str, ...]:
        return () if self.given is not None else TOOLS

    def _beside(
        self, request: Request, wishes: Sequence[tuple[str, Wish]], given: Given, *, free: bool = False
    ) -> Request:
        """Let a request take place beside what is given; ``free`` to change it where there is no other way.

        Only what the manifest lists itself, and does not protect, may be another version than the host's.
        """
        protected = {canonicalize_name(name) for name in self.manifest.protect}
        listed = {name_of(wish.requirement): wish.requirement for _, wish in wishes}
        unmet = {name for name, line in listed.items() if name in given.distributions and not given.satisfies(line)}
        changing = frozenset(given.distributions) if free else frozenset(unmet - protected)
        staying = given.distributions.keys() - unmet
        return replace(
            request,
            # A route leads to the one server that may serve a name; what is given has been served long ago.
            routes={name: server for name, server in request.routes.items() if name not in staying},
            constraints=(*request.constraints, *given.constraints(changing)),
            preferences=(*request.preferences, *(given.preferences() if free else ())),
            find_links=(*request.find_links, str(given.folder)),
            cuts=(*request.cuts, *given.cuts()),
        )

    def _is_given(self, name: str, version: str) -> bool:
        return self.given is not None and self.given.is_there(name, version)

    def _resolve(self, request: Request, *, servers_only: bool = False) -> tuple[Resolved, ...]:
        """Ask the resolver, and ask again with the next mirrors as long as indexes turn out to be out of reach.

        With ``servers_only`` nothing counts that lies on this machine.
        """
        places, sources = self.servers.places, self.sources.served() if servers_only else self.sources
        free = [line.requirement for line in sources.constraints if name_of(line.requirement) not in request.routes]
        while True:
            urls = {name: places.url(name) for name in sources.addresses}
            asked = replace(
                request,
                constraints=(*request.constraints, *free),
                find_links=sources.find_links if servers_only else (*sources.find_links, *request.find_links),
                closed=sources.closed,
                general=tuple(
                    Server(name=name, url=url, flat=is_flat(url), default=name == sources.default)
                    for name, url in urls.items()
                ),
                explicit=self.servers.explicit(),
                hurried=any(places.has_more(name) for name in places.addresses),
            )
            try:
                return resolve(asked, self.configuration, self.servers.work)
            except NetworkError as error:
                if not places.move_on_from(error):
                    final = places.final(error)
                    if final is error:
                        raise
                    raise final from error

    def _settle(self, request: Request) -> tuple[tuple[Resolved, ...], Request]:
        """Resolve again until every route is kept and every excluded edge is cut in the versions that were chosen."""
        request = self._cut_listed(request)
        for _ in range(ROUNDS):
            try:
                found = self._resolve(request)
            except ResolutionError as error:
                wider = self._sent_home(request, error)
                if wider == request:
                    raise
                request = wider
                continue
            settled = self._cut(self._route(request, found), found)
            if settled == request:
                return found, request
            request = settled
        raise InternalError("planning did not settle", cause=f"routes and exclusions changed {ROUNDS} times")

    def _route(self, request: Request, found: Iterable[Resolved]) -> Request:
        """Send chosen names of the family, and dependencies with a fixed route, to the server that is theirs."""
        more = self._homes(
            [
                item.name
                for item in found
                if item.name not in request.routes and not self._is_given(item.name, item.version)
            ]
        )
        self.servers.require(more)
        return _routed(request, more)

    def _sent_home(self, request: Request, error: ResolutionError) -> Request:
        """Route what is missing elsewhere: what the family needs may be on the variant's index and nowhere else."""
        named = {canonicalize_name(word) for word in WORD.findall(error.cause or "")}
        given = self.given.distributions if self.given is not None else {}
        more = self._homes([name for name in sorted(named) if name not in request.routes and name not in given])
        return _routed(request, {name: server for name, server in more.items() if self.servers.serves(server, name)})

    def _homes(self, names: Sequence[str]) -> dict[str, str]:
        """The servers of those names that belong to one, or that the variant's server has."""
        routing = self.servers.routing
        self.servers.ask_ahead(
            (routing.fixed.get(name, VARIANT), name)
            for name in names
            if name in routing.fixed or name in routing.preferred
        )
        homes = {name: routing.fixed[name] for name in names if name in routing.fixed}
        for name in names:
            if name not in homes and name in routing.preferred and self.servers.may_serve(VARIANT, name):
                homes[name] = VARIANT
        return homes

    def _cut_listed(self, request: Request) -> Request:
        """Cut edges of listed distributions before the first resolution: with them there may be no solution."""
        wanted = distributions_of(self.manifest.exclude)
        direct = tuple(line for line in request.requirements if name_of(line) in wanted)
        if not direct:
            return request
        routes = {name: server for name, server in request.routes.items() if name in wanted}
        alone = replace(request, requirements=direct, routes=routes, constraints=(), dependencies=False)
        return self._cut(request, self._resolve(alone))

    def _cut(self, request: Request, found: Iterable[Resolved]) -> Request:
        cut, wanted = {(item.name, item.version) for item in request.cuts}, distributions_of(self.manifest.exclude)
        open_ = [item for item in found if item.name in wanted and (item.name, item.version) not in cut]
        more = [
            made
            for item in open_
            if not self._is_given(item.name, item.version)
            and (made := cut_of(self.manifest.exclude, item, self.chooser.metadata(item, request.routes)))
        ]
        return replace(request, cuts=(*request.cuts, *more)) if more else request

    def _explicit(self, request: Request, wishes: Sequence[tuple[str, Wish]]) -> tuple[tuple[Resolved, ...], Request]:
        """Choose versions that fit each other if there are any; what is not listed stays out, for the scan to name."""
        try:
            found, settled = self._settle(request)
        except ResolutionError:
            settled = replace(request, dependencies=False)
            found = self._resolve(settled)
        listed = {name_of(wish.requirement) for _, wish in wishes} | set(self._tools)
        return tuple(item for item in found if item.name in listed), settled

    def _answer(self, found: Sequence[Resolved], request: Request, wishes: Sequence[tuple[str, Wish]]) -> Answer:
        missing = tuple(item for item in found if not self._is_given(item.name, item.version))
        if self.sources.served().asks_anybody:
            missing = portable(missing, request, lambda asked: self._resolve(asked, servers_only=True))
        with ThreadPoolExecutor(AT_ONCE) as threads:
            chosen = list(threads.map(lambda item: self.chooser.choose(item, request.routes), missing))
        wheels = {wheel.name: wheel for wheel in chosen}
        roots = {name_of(wish.requirement): wish for _, wish in wishes}
        listed = {name_of(wish.requirement): stage for stage, wish in wishes}
        for tool in self._tools:
            roots.setdefault(tool, Wish(requirement=tool))
            listed[tool] = CREATE_STAGE
        excluded, notes = cut_edges(self.manifest.exclude, wheels)
        notes = (*notes, *self.sources.constraining(wheels, request.routes))
        lines = {name: wish.requirement for name, wish in roots.items()}
        nodes = [
            Node(name=name, requires=wheel.metadata.requires, root=lines.get(name)) for name, wheel in wheels.items()
        ]
        if self.given is not None:
            nodes += given_nodes(self.given, wheels, lines)
        cut = [(edge.distribution, edge.dependency) for edge in excluded]
        graph = Graph(nodes, self.interpreter.markers, cut)
        return Answer(
            wheels=wheels,
            graph=graph,
            listed=listed,
            roots=roots,
            excluded=excluded,
            notes=notes,
            given=None if self.given is None else relied_on(self.given, graph, wheels, lines),
        )


def _routed(request: Request, more: Mapping[str, str]) -> Request:
    """Ask for names directly: the resolver honours a route only for those."""
    if not more:
        return request
    return replace(request, requirements=(*request.requirements, *sorted(more)), routes={**request.routes, **more})
