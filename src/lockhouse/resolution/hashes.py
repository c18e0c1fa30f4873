"""Hashes of wheels on this machine, for the pages that the resolver is given.

A lock has hashes. To find one that no page tells, uv unpacks the whole wheel into its cache: seconds and 700 MB for
torch 2.13.0+cpu (192 MB), which takes less than half a second where the page has the hash (uv 0.13.9).
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from packaging.utils import parse_wheel_filename

from lockhouse.errors import LockhouseError
from lockhouse.wheels.listing import Link
from lockhouse.wheels.local import local_path
from lockhouse.wheels.wheelhouse import Wheelhouse, hash_file

__all__ = ["wheelhouse_links", "with_hash", "with_hashes"]


def wheelhouse_links(wheelhouse: Wheelhouse) -> tuple[Link, ...]:
    """List all wheels of a wheelhouse with their hashes, which it remembers."""
    with wheelhouse.remembering(), ThreadPoolExecutor() as threads:
        return tuple(threads.map(lambda path: with_hash(_link(path), wheelhouse), wheelhouse.files()))


def with_hash(link: Link, wheelhouse: Wheelhouse) -> Link:
    """Add the hash of a wheel that lies on this machine."""
    path = local_path(link.url)
    if link.sha256 is None and path is not None:
        with suppress(LockhouseError, OSError):  # a wheel that cannot be read: whoever needs it says so
            digest = wheelhouse.sha256(path) if _is_in(wheelhouse, link) else hash_file(path)
            return replace(link, sha256=digest)
    return link


def with_hashes(links: Iterable[Link], wheelhouse: Wheelhouse) -> tuple[Link, ...]:
    """Add hashes to the wheels of one distribution, as far as they lie on this machine and that saves time.

    Outside of the wheelhouse nobody remembers hashes. There it is done if all are of one version, which is the one that
    will be taken: hashing many may take longer than unpacking one.
    """
    known = tuple(with_hash(link, wheelhouse) if _is_in(wheelhouse, link) else link for link in links)
    if len({parse_wheel_filename(link.filename)[1] for link in known}) > 1:
        return known
    return tuple(with_hash(link, wheelhouse) for link in known)


def _link(path: Path) -> Link:
    return Link(filename=path.name, url=path.absolute().as_uri())


def _is_in(wheelhouse: Wheelhouse, link: Link) -> bool:
    path = local_path(link.url)
    return path is not None and path.parent == wheelhouse.folder.absolute()
