"""Asks the explicit indexes what they have, and finds what stands in for one that is out of reach."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import field
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from lockhouse.errors import Hint, LockhouseError, NetworkError, OfflineError, ResolutionError
from lockhouse.resolution.explaining import CHECK_NETWORK
from lockhouse.resolution.hashes import with_hashes
from lockhouse.resolution.places import Places
from lockhouse.resolution.routing import DEFAULT, VARIANT, Routing
from lockhouse.resolution.uv import Server
from lockhouse.values import dataclass
from lockhouse.wheels.client import Client
from lockhouse.wheels.configuration import shown_url
from lockhouse.wheels.listing import Link
from lockhouse.wheels.local import local_path
from lockhouse.wheels.pages import write_index
from lockhouse.wheels.wheelhouse import Wheelhouse

__all__ = ["AT_ONCE", "Servers", "is_flat"]

WORD = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
ONLINE = Hint("go-online", "run once without --offline")

AT_ONCE = 16
"""Questions to one server at a time: pages and metadata are small, so what they cost is latency."""


@dataclass(slots=True, kw_only=True)
class Servers:
    """The explicit indexes, at the places where they are asked.

    The stand-in for one that is out of reach, with all its mirrors, is an index of its own in ``work``: it lists the
    wheels that were found at ``locations`` (folders and pages of links, in order), of names that carry the variant's
    label those that have it.
    """

    routing: Routing
    places: Places
    client: Client
    locations: Sequence[str]
    wheelhouse: Wheelhouse
    work: Path
    notes: list[str] = field(default_factory=list)
    _unreachable: dict[str, str] = field(default_factory=dict)
    _known: dict[tuple[str, str], bool] = field(default_factory=dict)

    def serves(self, server: str, name: str) -> bool:
        """Whether a server, or what stands in for it, has wheels of that name."""
        if (server, name) not in self._known:
            self._known[server, name] = self._ask(server, name)
        return self._known[server, name]

    def may_serve(self, server: str, name: str) -> bool:
        """Whether a server has wheels of that name, or could not be asked although there is a network.

        Else whoever keeps the server from answering could have the name taken from another index.
        """
        return self.serves(server, name) or (server in self._unreachable and not self.client.offline)

    def ask_ahead(self, questions: Iterable[tuple[str, str]]) -> None:
        """Ask for (server, name) what :meth:`serves` will be asked, many at once.

        Each server is asked for one name first: one that is out of reach should be waited for once.
        """
        waiting: dict[str, list[str]] = {}
        for server, name in questions:
            if (server, name) not in self._known:
                waiting.setdefault(server, []).append(name)
        for server, (first, *others) in waiting.items():
            self.serves(server, first)
            if others and server not in self._unreachable:
                url, more = self.places.url(server), self.places.has_more(server)
                with ThreadPoolExecutor(AT_ONCE) as threads:
                    wait([threads.submit(self.client.project, url, name, replaceable=more) for name in others])

    def require(self, routes: Mapping[str, str]) -> None:
        """Raise ResolutionError if servers do not have what is routed to them, with every such name."""
        missing: dict[str, list[str]] = {}
        for name, server in sorted(routes.items()):
            if not self.serves(server, name):
                missing.setdefault(server, []).append(name)
        if not missing:
            return
        names = ", ".join(sorted(name for group in missing.values() for name in group))
        hints: dict[Hint, None] = {}
        for server, group in missing.items():
            if server in self._unreachable:
                hints |= dict.fromkeys(self._advice(server, group))
            else:
                hints[Hint("check-index", f"correct {', '.join(group)}, or name another index for it")] = None
        cause = "\n".join(self._why_not(server, group) for server, group in missing.items())
        raise ResolutionError(f"{names} cannot be planned", cause=cause, hints=tuple(hints))

    def tell_of_stand_ins(self, error: ResolutionError) -> None:
        """Say in an error about versions which of its names have only those that stand in for an index out of reach."""
        words = set(WORD.findall(error.cause or ""))
        for server, summary in self._unreachable.items():
            if names := sorted(name for asked, name in self._known if asked == server and name in words):
                told = f"{summary}: of {', '.join(names)} there is only what stands in for it on this machine"
                error.cause = "\n".join(filter(None, (error.cause, told)))
                error.hints = tuple(dict.fromkeys((*self._advice(server, names), *error.hints)))

    def _advice(self, server: str, names: Sequence[str]) -> Iterator[Hint]:
        """What to do where an index is out of reach and what is on this machine does not stand in for it."""
        yield ONLINE if self.client.offline else CHECK_NETWORK
        place = "wheelhouse/, or into a folder of pip's find-links"
        yield Hint("bring-wheel", f"or put {self._wheels(names)} into {place}")
        if not self.client.offline:
            of_whom = f"variants.{self.routing.variant}.index" if server == VARIANT else f"{server} in indexes"
            yield Hint("name-mirror", f"or name a mirror in the manifest, by {of_whom}")
        if server == VARIANT and (other := self._other_label(names)):
            yield Hint("other-variant", f"or build with the wheels that are here: -a {other}")
        if others := [name for name in names if name in self.routing.preferred]:
            text = f"or have the variant's requirements take {', '.join(others)} from the index {DEFAULT}"
            yield Hint("route-default", text)

    def _other_label(self, names: Sequence[str]) -> str | None:
        """Another variant of the manifest of which all labelled names have wheels on this machine."""
        labelled = [name for name in names if name in self.routing.labelled]
        if not labelled:
            return None
        here = [{version.local for version in self._versions(name)} for name in labelled]
        return next((other for other in self.routing.others if all(other in labels for labels in here)), None)

    def _why_not(self, server: str, names: Sequence[str]) -> str:
        if server in self._unreachable:
            return f"{self._unreachable[server]}, and no local {self._wheels(names)[2:]} stands in for it"
        return f"{shown_url(self.places.url(server))} does not serve {', '.join(names)}"

    def _wheels(self, names: Sequence[str]) -> str:
        """``a wheel of torch, torchvision labelled +cpu``, as far as they carry the label."""
        labelled = self.routing.label and any(name in self.routing.labelled for name in names)
        return f"a wheel of {', '.join(names)}" + (f" labelled +{self.routing.label}" if labelled else "")

    def explicit(self) -> tuple[Server, ...]:
        """Tell the resolver of the servers, or of their stand-ins."""
        return tuple(
            Server(name=name, url=self._stand_in(name))
            if name in self._unreachable
            else Server(name=name, url=self.places.url(name), flat=is_flat(self.places.url(name)))
            for name in self.routing.servers
        )

    def _ask(self, server: str, name: str) -> bool:
        while server not in self._unreachable:
            try:
                url, more = self.places.url(server), self.places.has_more(server)
                return bool(self.client.project(url, name, replaceable=more))
            except (NetworkError, OfflineError) as error:
                if not self.places.move_on(server, error):
                    failure = self.places.final(error) if isinstance(error, NetworkError) else error
                    self._unreachable[server] = failure.summary
                    self.notes.append(f"{failure.summary}; local wheels stand in for the index {server!r}")
        return any(self._local(server, name))

    def _versions(self, name: str) -> Iterator[Version]:
        return (parse_wheel_filename(link.filename)[1] for link in self._found(name))

    def _local(self, server: str, name: str) -> Iterator[Link]:
        for link in self._found(name):
            _, version, _, _ = parse_wheel_filename(link.filename)
            if server != VARIANT or self._label_fits(canonicalize_name(name), version):
                yield link

    def _found(self, name: str) -> Iterator[Link]:
        for location in self.locations:
            try:
                links = self.client.find_links(location, name)
            except LockhouseError:
                continue  # who lists them tells of it, see lockhouse.resolution.sources
            yield from (link for link in links if not self.client.offline or local_path(link.url) is not None)

    def _label_fits(self, name: str, version: Version) -> bool:
        if name not in self.routing.labelled or self.routing.label is None:
            return True
        return version.local == self.routing.label

    def _stand_in(self, server: str) -> str:
        names = [name for asked, name in self._known if asked == server]
        links = {name: with_hashes(self._local(server, name), self.wheelhouse) for name in names}
        return write_index(self.work / f"stand-in-{server}", links)


def is_flat(url: str) -> bool:
    """Whether an index is a plain folder of wheels on this machine."""
    path = local_path(url)
    return path is not None and path.is_dir() and any(path.glob("*.whl"))
