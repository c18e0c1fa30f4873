"""Taking the inventory of a host, and telling by file look-ups alone whether an earlier one still holds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lockhouse.environments.fingerprint import file_state
from lockhouse.hosts.asking import HostAnswer
from lockhouse.hosts.reading import is_metadata, read_site
from lockhouse.inventory import HostDistribution, HostProblem, Inventory, Site

__all__ = ["managed_by", "still_holds", "take_inventory"]

MANAGED = "EXTERNALLY-MANAGED"
READERS = 4
ARCHIVES = (".zip", ".egg", ".whl", ".pyz")


def take_inventory(answer: HostAnswer) -> Inventory:
    """Read everything that a host, asked before, imports from."""
    archives, sites = _sites(answer)
    standard = answer.standard[0]
    # Taken first: what changes while it is read is then read again the next time.
    fingerprint = _fingerprint(answer.interpreter.executable, answer.prefix, standard, sites)
    with ThreadPoolExecutor(READERS) as pool:
        found = [item for items in pool.map(lambda site: list(read_site(Path(site.path))), sites) for item in items]
    distributions = tuple(item for item in found if isinstance(item, HostDistribution))
    problems = [item for item in found if isinstance(item, HostProblem)]
    problems += [
        HostProblem(
            code="archive", path=path, distribution="", message=f"{path} is imported from and was not looked into"
        )
        for path in archives
    ]
    return Inventory(
        interpreter=answer.interpreter,
        prefix=answer.prefix,
        base=answer.base,
        standard=standard,
        places=answer.places,
        managed=managed_by(answer.prefix, answer.base, standard),
        sites=sites,
        distributions=distributions,
        problems=(*problems, *_duplicates(distributions)),
        fingerprint=fingerprint,
    )


def still_holds(inventory: Inventory) -> bool:
    """Whether a host is as it was when the inventory was taken, as far as times and sizes tell; nothing is started.

    A folder's own time changes when a distribution comes or goes; metadata that is edited in place, by its own.
    """
    host = inventory
    current = _fingerprint(host.interpreter.executable, host.prefix, host.standard, host.sites)
    return current == host.fingerprint


def _fingerprint(python: str, prefix: str, standard: str, sites: Sequence[Site]) -> str:
    settings = [python, os.path.realpath(python), f"{prefix}/pyvenv.cfg", f"{standard}/{MANAGED}"]
    lines = [f"{path}\0{file_state(Path(path))}" for path in settings]
    for site in sites:
        lines.append(f"{site.path}\0{file_state(Path(site.path))}")
        try:
            with os.scandir(site.path) as entries:
                marked = sorted(item.path for item in entries if is_metadata(item.name) or item.name.endswith(".pth"))
        except OSError:
            continue
        for path in marked:
            lines += [f"{path}{inner}\0{file_state(Path(path + inner))}" for inner in ("", "/METADATA", "/RECORD")]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _sites(answer: HostAnswer) -> tuple[list[str], tuple[Site, ...]]:
    """The archives and the folders that are imported from, each once, by whatever names it has."""
    archives: list[str] = []
    sites: dict[str, Site] = {}
    own = {os.path.realpath(path) for path in answer.sites}
    user = os.path.realpath(answer.user) if answer.user else None
    for path in answer.path:
        real = os.path.realpath(path)
        if os.path.isfile(path) and path.endswith(ARCHIVES):  # noqa: PTH113
            archives.append(path)
        elif os.path.isdir(path):  # noqa: PTH112
            sites.setdefault(real, Site(path=path, kind="user" if real == user else "site" if real in own else "path"))
    return archives, tuple(sites.values())


def managed_by(prefix: str, base: str, standard: str) -> str | None:
    """What PEP 668, "Marking an interpreter as using an external package manager", has the owner say.

    A virtual environment is never managed, whatever the interpreter is that it stands on.
    """
    if prefix != base:
        return None
    path = Path(standard, MANAGED)
    if not path.is_file():
        return None
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8", errors="replace"))
        return parser.get("externally-managed", "Error", fallback="").strip()
    except (configparser.Error, OSError):
        return ""


def _duplicates(distributions: Iterable[HostDistribution]) -> list[HostProblem]:
    named: dict[str, list[HostDistribution]] = {}
    for item in distributions:
        named.setdefault(item.name, []).append(item)
    return [
        HostProblem(
            code="duplicate",
            path=again.metadata,
            distribution=name,
            message=f"{name} is there more than once: {items[0].version} by {items[0].metadata} counts, "
            f"{again.version} by {again.metadata} does not",
        )
        for name, items in named.items()
        for again in items[1:]
    ]
