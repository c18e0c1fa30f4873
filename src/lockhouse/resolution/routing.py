"""Which index serves which name, and what stands in for an index that is out of reach.

A name that is routed to an explicit index is never taken from another one: that is what makes dependency confusion
impossible. Names of an accelerator's family that carry the variant's label are routed by the mere choice of a variant.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from lockhouse.accelerators import Accelerator
from lockhouse.errors import NetworkError, OfflineError
from lockhouse.manifest import Manifest, VariantWish, Wish
from lockhouse.resolution.uv import Server
from lockhouse.wheels.client import Client
from lockhouse.wheels.configuration import shown_url

__all__ = ["DEFAULT", "VARIANT", "Routing", "Servers", "local_folders", "located", "wishes_of"]

AT_ONCE = 16
"""Questions to one server at a time: pages and metadata are small, so what they cost is latency."""

VARIANT = "variant"
DEFAULT = "default"


def wishes_of(manifest: Manifest, variant: VariantWish | None) -> Iterator[tuple[str, Wish]]:
    """Yield every requirement with its stage, in order, with the variant's own in place of the stages'."""
    for stage in manifest.stages:
        for wish in stage.requirements:
            name = canonicalize_name(Requirement(wish.requirement).name)
            replaced = variant.requirements.get(name) if variant else None
            chosen = replaced or wish
            yield (
                stage.name,
                Wish(
                    requirement=chosen.requirement,
                    index=chosen.index or wish.index or stage.index,
                    critical=wish.critical or chosen.critical,
                    source=chosen.source,
                ),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """The wanted routes. ``fixed`` maps names to the server that alone may serve them.

    ``preferred`` are names of the accelerator's family that its index may or may not serve: it is asked first.
    """

    servers: dict[str, str]
    fixed: dict[str, str]
    preferred: frozenset[str]
    labelled: frozenset[str]
    label: str | None

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        variant: VariantWish | None,
        accelerator: Accelerator | None,
        label: str | None,
        root: Path,
    ) -> Routing:
        """Find the routes of a manifest in one of its variants; folders in it are relative to ``root``."""
        servers = {index.name: located(index.url, root) for index in manifest.indexes}
        variant_url = _variant_url(manifest, variant, accelerator)
        if variant_url is not None:
            servers[VARIANT] = located(variant_url, root)
        fixed: dict[str, str] = {}
        free: set[str] = set()
        for _, wish in wishes_of(manifest, variant):
            _fix(wish, fixed, free)
        for wish in variant.requirements.values() if variant else ():
            _fix(wish, fixed, free)
        family: frozenset[str] = frozenset()
        labelled: frozenset[str] = frozenset()
        if accelerator is not None and variant_url is not None:
            family, labelled = accelerator.family, accelerator.labelled
        for name in labelled - free:
            fixed.setdefault(name, VARIANT)
        return cls(
            servers=servers,
            fixed=fixed,
            preferred=family - labelled - free - frozenset(fixed),
            labelled=labelled,
            label=label,
        )


def _fix(wish: Wish, fixed: dict[str, str], free: set[str]) -> None:
    name = canonicalize_name(Requirement(wish.requirement).name)
    if wish.index == DEFAULT:
        free.add(name)
        fixed.pop(name, None)
    elif wish.index is not None and name not in free:
        fixed[name] = wish.index


def _variant_url(manifest: Manifest, variant: VariantWish | None, accelerator: Accelerator | None) -> str | None:
    if variant is None:
        return None
    if variant.index is not None:
        index = manifest.index(variant.index)
        return index.url if index else variant.index
    return accelerator.index_url(variant.name) if accelerator else None


@dataclass(slots=True, kw_only=True)
class Servers:
    """Asks the explicit servers what they have, and stands in for those that do not answer.

    The stand-in for a server that is out of reach is a folder of links to local wheels: from the wheelhouse and from
    the find-links folders, those with the variant's label for names that carry one.
    """

    routing: Routing
    client: Client
    folders: Sequence[Path]
    work: Path
    notes: list[str] = field(default_factory=list)
    _unreachable: dict[str, str] = field(default_factory=dict)
    _known: dict[tuple[str, str], bool] = field(default_factory=dict)
    _origins: dict[str, Path] = field(default_factory=dict)

    def serves(self, server: str, name: str) -> bool:
        """Whether a server, or what stands in for it, has wheels of that name."""
        if (server, name) not in self._known:
            self._known[server, name] = self._ask(server, name)
        return self._known[server, name]

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
                url = self.routing.servers[server]
                with ThreadPoolExecutor(AT_ONCE) as threads:
                    wait([threads.submit(self.client.project, url, name) for name in others])

    def why_not(self, server: str, name: str) -> str:
        """Say why a name cannot be had."""
        url = self.routing.servers[server]
        if server in self._unreachable:
            label = f" labelled +{self.routing.label}" if name in self.routing.labelled and self.routing.label else ""
            return f"{self._unreachable[server]}, and no local wheel of {name}{label} stands in for it"
        return f"{shown_url(url)} does not serve {name}"

    def explicit(self) -> tuple[Server, ...]:
        """Tell the resolver of the servers, or of their stand-ins."""
        return tuple(
            Server(name=name, url=str(self._stand_in(name)), flat=True)
            if name in self._unreachable
            else Server(name=name, url=url, flat=_is_flat(url))
            for name, url in self.routing.servers.items()
        )

    def _ask(self, server: str, name: str) -> bool:
        if server not in self._unreachable:
            try:
                return bool(self.client.project(self.routing.servers[server], name))
            except (NetworkError, OfflineError) as error:
                self._unreachable[server] = error.summary
                self.notes.append(f"{error.summary}; local wheels stand in for the index {server!r}")
        return any(self._local(server, name))

    def _local(self, server: str, name: str) -> Iterator[Path]:
        for folder in self.folders:
            for path in sorted(folder.glob("*.whl")) if folder.is_dir() else ():
                try:
                    found, version, _, _ = parse_wheel_filename(path.name)
                except InvalidWheelFilename:
                    continue
                if found == name and (server != VARIANT or self._label_fits(name, version)):
                    yield path

    def _label_fits(self, name: str, version: Version) -> bool:
        if name not in self.routing.labelled or self.routing.label is None:
            return True
        return version.local == self.routing.label

    def _stand_in(self, server: str) -> Path:
        folder = self.work / f"stand-in-{server}"
        folder.mkdir(exist_ok=True)
        for asked, name in self._known:
            for path in self._local(server, name) if asked == server else ():
                if path.name not in self._origins:
                    self._origins[path.name] = path.resolve()
                    _link(path.resolve(), folder / path.name)
        return folder

    def origin(self, url: str, filename: str) -> str:
        """Give the true address of a wheel that was found through a stand-in."""
        return self._origins[filename].as_uri() if url.startswith(self.work.as_uri()) else url


def _link(origin: Path, link: Path) -> None:
    try:
        link.symlink_to(origin)
    except OSError:  # Windows allows symbolic links only in developer mode
        try:
            link.hardlink_to(origin)
        except OSError:
            shutil.copyfile(origin, link)


def local_folders(find_links: Iterable[str], *more: Path) -> tuple[Path, ...]:
    """Keep those find-links locations that are folders on this machine; pages are never asked in their place."""
    folders = list(more)
    for location in find_links:
        parts = urlsplit(location)
        path = Path(url2pathname(parts.path)) if parts.scheme == "file" else Path(location).expanduser()
        if parts.scheme in ("", "file") and path.is_dir():
            folders.append(path)
    return tuple(folders)


def located(location: str, base: Path) -> str:
    """Give the address, or the absolute path, of an index or find-links location; ``base`` is where it was written."""
    if "://" in location or location.startswith("file:"):
        return location
    return str((base / Path(location).expanduser()).absolute())


def _is_flat(url: str) -> bool:
    """Whether a local index is a plain folder of wheels."""
    parts = urlsplit(url)
    if parts.scheme not in ("", "file"):
        return False
    path = Path(url2pathname(parts.path)) if parts.scheme else Path(url).expanduser()
    return path.is_dir() and any(path.glob("*.whl"))
