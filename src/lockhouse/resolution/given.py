"""Distributions of a host, for the resolver: they are there, exactly as they are, and nothing is to be done for them.

The resolver knows only what an index serves. So every distribution of the host is shown to it as an empty wheel of its
name and version, which may be one that no index ever had (a vendor's build), and whose requirements are the host's own
affair: only what extras bring counts, because that may be missing.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from lockhouse.inventory import HostDistribution, Inventory
from lockhouse.plan import GivenDistribution
from lockhouse.resolution.graph import Graph, Node
from lockhouse.resolution.uv import Cut, Preference
from lockhouse.values import dataclass

__all__ = ["Given", "given_nodes", "relied_on", "show_host"]

EXTRA = re.compile(r"\bextra\s*(==|in)\s*")
EPOCH = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is given, by canonical name; ``folder`` holds the empty wheels."""

    distributions: Mapping[str, HostDistribution]
    folder: Path

    def constraints(self, free: frozenset[str]) -> tuple[str, ...]:
        """Pin everything but the names that are ``free`` to what is there."""
        return tuple(f"{name}=={item.version}" for name, item in self.distributions.items() if name not in free)

    def cuts(self) -> tuple[Cut, ...]:
        """What to believe of them: nothing that they need is wanting, but for extras."""
        return tuple(
            Cut(name=name, version=item.version, requires=_of_extras(item), requires_python=None, extras=item.extras)
            for name, item in self.distributions.items()
        )

    def preferences(self) -> tuple[Preference, ...]:
        """Prefer what is there, where it need not stay."""
        return tuple(
            Preference(
                name=name,
                version=item.version,
                url=(self.folder / _filename(item)).as_uri(),
                sha256=hashlib.sha256((self.folder / _filename(item)).read_bytes()).hexdigest(),
            )
            for name, item in self.distributions.items()
        )

    def version(self, name: str) -> str | None:
        """The version that is given; None where nothing is."""
        item = self.distributions.get(name)
        return item.version if item is not None else None

    def is_there(self, name: str, version: str) -> bool:
        """Whether that version is the one that is given."""
        item = self.distributions.get(name)
        return item is not None and Version(item.version) == Version(version)

    def satisfies(self, requirement: str) -> bool:
        """Whether what is given does for a requirement."""
        wanted = Requirement(requirement)
        item = self.distributions.get(canonicalize_name(wanted.name))
        return item is not None and wanted.specifier.contains(item.version, prereleases=True)


def show_host(inventory: Inventory, folder: Path) -> Given:
    """Write the empty wheels of a host's distributions into ``folder``, which must not exist."""
    folder.mkdir()
    for item in inventory.effective.values():
        _write(folder / _filename(item), item)
    return Given(distributions=inventory.effective, folder=folder)


def given_nodes(given: Given, planned: Iterable[str], roots: Mapping[str, str]) -> tuple[Node, ...]:
    """Describe to the graph what is given and not planned anew; ``roots`` are requirements of the manifest by name."""
    replaced = set(planned)
    return tuple(
        Node(name=name, requires=_of_extras(item), root=roots.get(name))
        for name, item in given.distributions.items()
        if name not in replaced
    )


def relied_on(
    given: Given, graph: Graph, planned: Iterable[str], roots: Mapping[str, str]
) -> tuple[GivenDistribution, ...]:
    """Give what a plan relies on in its host: what the manifest or a planned distribution asks for, and no more."""
    replaced = set(planned)
    found = sorted((graph.reachable() & given.distributions.keys()) - replaced)
    return tuple(
        GivenDistribution(
            name=name,
            version=given.distributions[name].version,
            requirement=roots.get(name),
            requires=_of_extras(given.distributions[name]) if graph.extras.get(name) else (),
        )
        for name in found
    )


def _of_extras(item: HostDistribution) -> tuple[str, ...]:
    return tuple(line for line in item.requires if EXTRA.search(line) and _is_requirement(line))


def _is_requirement(line: str) -> bool:
    try:
        Requirement(line)
    except InvalidRequirement:
        return False
    return True


def _filename(item: HostDistribution) -> str:
    return f"{canonicalize_name(item.name).replace('-', '_')}-{Version(item.version)}-py3-none-any.whl"


def _write(path: Path, item: HostDistribution) -> None:
    info = f"{path.name.removesuffix('-py3-none-any.whl')}.dist-info"
    members = {
        "METADATA": f"Metadata-Version: 2.1\nName: {item.name}\nVersion: {item.version}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: lockhouse\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(f"{info}/{name}", EPOCH), text)
