"""The index client: what a project offers, what a wheel says of itself, and its bytes.

Indexes are servers or folders alike. Nothing is decided here: which of several indexes counts, and which wheel is
taken, is the plan's business.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlsplit

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion

from lockhouse.errors import LockhouseError, NetworkError
from lockhouse.wheels.configuration import PipConfiguration, shown_url
from lockhouse.wheels.description import beside, limited, within
from lockhouse.wheels.faults import NotServed
from lockhouse.wheels.listing import Link, Page, folder_links
from lockhouse.wheels.local import local_path
from lockhouse.wheels.metadata import Metadata, recall_metadata, remember_metadata
from lockhouse.wheels.streams import Stream
from lockhouse.wheels.transport import Transport
from lockhouse.wheels.wheelfile import read_wheel_metadata

__all__ = ["Client", "Link"]

ACCEPT = ", ".join(
    (
        "application/vnd.pypi.simple.v1+json",
        "application/vnd.pypi.simple.v1+html;q=0.2",
        "text/html;q=0.1",
    )
)
HTML = "text/html"

FORBIDDEN = 403
ABSENT = frozenset({FORBIDDEN, 404, 410})
"""Statuses by which indexes say that they have no such project; buckets answer 403 for what is not there."""


class Client:
    """Asks indexes. Safe to use from several threads; use it as a context manager, or close it.

    ``offline`` forbids every server; folders and ``file:`` URLs still serve. ``indexes`` are further index URLs, the
    manifest's, whose credentials may be used for their own origin. ``first_wait`` is the pause in seconds before the
    first repetition of a failed request.
    """

    def __init__(
        self,
        configuration: PipConfiguration,
        offline: bool = False,
        *,
        indexes: Iterable[str] = (),
        first_wait: float = 0.5,
    ) -> None:
        self.configuration = configuration
        self.offline = offline
        self.transport = Transport(configuration, offline=offline, indexes=tuple(indexes), first_wait=first_wait)
        self._pages: dict[tuple[str, str], tuple[Link, ...]] = {}
        self._find_links: dict[str, Page] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.transport.close()

    def project(self, index_url: str, name: str, *, replaceable: bool = False) -> tuple[Link, ...]:
        """Return the wheels that an index offers for a distribution, in its order; () if it does not know it.

        ``index_url`` is a simple index (PEP 503, PEP 691), a ``file:`` URL or path of one, or a folder of wheels.
        Answers are remembered as long as the client lives. One that is ``replaceable``, by a mirror, is not asked as
        often, and 403 is no answer of it: raises NetworkError sooner.
        """
        key = (index_url, canonicalize_name(name))
        with self._lock:
            known = self._pages.get(key)
        if known is None:
            folder = local_path(index_url)
            known = self._from_server(*key, replaceable) if folder is None else self._from_folder(folder, key[1])
            with self._lock:
                self._pages[key] = known
        return known

    def find_links(self, location: str, name: str) -> tuple[Link, ...]:
        """Return the wheels of a distribution at one of pip's find-links: a folder, or an HTML page anywhere."""
        path = local_path(location)
        if path is not None and not path.is_file():
            return folder_links(path, name)
        with self._lock:
            page = self._find_links.get(location)
        if page is None:
            page = self._page(location) if path is None else Page(_text(path), HTML, path.absolute().as_uri())
            with self._lock:
                self._find_links[location] = page
        return _links(page, canonicalize_name(name))

    def elsewhere(self, link: Link, indexes: Iterable[str]) -> Iterator[Link]:
        """Find the same file in other indexes, in their order; passes over those that cannot be asked."""
        try:
            name = parse_wheel_filename(link.filename)[0]
        except (InvalidWheelFilename, InvalidVersion):
            return
        for index in indexes:
            with contextlib.suppress(LockhouseError):
                for other in self.project(index, name):
                    same = other.filename == link.filename and other.sha256 in (None, link.sha256)
                    if same and other.url != link.url:
                        yield other

    def text(self, url: str) -> str:
        """Return the text at an address, which may be a ``file:`` URL."""
        path = local_path(url)
        return self._page(url).text if path is None else _text(path)

    def metadata(self, link: Link, fetch: Callable[[Link], Path]) -> Metadata:
        """Return a wheel's core metadata at the least cost: cache, the file beside it, ranges, the whole wheel.

        ``fetch`` brings the whole wheel, where nothing less will do, and says where it is. Raises UnsafeWheel if the
        wheel's metadata is no such thing or that of another distribution.
        """
        if link.sha256 and (known := recall_metadata(link.sha256, link.url)) is not None:
            return known
        path = local_path(link.url)
        if path is None:
            found = beside(self.transport, link) or within(self.transport, link) or read_wheel_metadata(fetch(link))
        elif path.is_file():
            found = read_wheel_metadata(path)
        else:
            raise NotServed(f"{path} is not there", url=str(path), status=404, cause="no such file")
        if link.sha256:
            remember_metadata(link.sha256, link.url, found)
        return found

    def size(self, url: str) -> int:
        """Return the size of a file in bytes; raise NetworkError if nobody says."""
        path = local_path(url)
        if path is not None:
            try:
                return path.stat().st_size
            except OSError as error:
                raise NotServed(f"{path} is not there", url=str(path), status=404, cause=str(error.strerror)) from error
        return self.transport.insistently(lambda: self._size(url))

    def open_stream(
        self, url: str, offset: int = 0, validator: str | None = None, end: int | None = None
    ) -> AbstractContextManager[Stream]:
        """Open a file from byte ``offset`` on, in a single attempt; see :meth:`Transport.stream`."""
        return self.transport.stream(url, offset, validator, end)

    def _from_server(self, index_url: str, name: str, replaceable: bool) -> tuple[Link, ...]:
        parts = urlsplit(index_url)
        path = f"{parts.path.rstrip('/')}/{quote(name)}/"
        try:
            return _links(self._page(parts._replace(path=path).geturl(), replaceable), name)
        except NotServed as error:
            if error.status not in ABSENT or (replaceable and error.status == FORBIDDEN):
                raise
            return ()

    def _from_folder(self, folder: Path, name: str) -> tuple[Link, ...]:
        if not folder.is_dir():
            raise NotServed(f"{folder} is not there", url=str(folder), status=404, cause="no such folder")
        page = folder / name / "index.html"
        if page.is_file():
            return _links(Page(_text(page), HTML, page.absolute().as_uri()), name)
        return folder_links(folder, name) or folder_links(folder / name, name)

    def _page(self, url: str, replaceable: bool = False) -> Page:
        def attempt() -> Page:
            with self.transport.request("GET", url, {"Accept": ACCEPT, "Accept-Encoding": "gzip"}) as response:
                kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
                return Page(_decoded(limited(response), response.encoding), kind, response.url)

        return self.transport.insistently(attempt, replaceable=replaceable)

    def _size(self, url: str) -> int:
        with contextlib.suppress(NotServed), self.transport.request("HEAD", url) as response:
            length = response.headers.get("Content-Length", "")
            if length.isdigit():
                return int(length)
        with self.transport.request("GET", url, {"Range": "bytes=0-0"}) as response:
            total = response.headers.get("Content-Range", "").rpartition("/")[2]
            if response.status_code != 206:
                total = response.headers.get("Content-Length", "")
        if not total.isdigit():
            raise NetworkError("the server does not say how large the file is", url=shown_url(url))
        return int(total)


def _links(page: Page, name: str) -> tuple[Link, ...]:
    try:
        return page.links(name)
    except ValueError as error:
        shown = shown_url(page.base)
        raise NetworkError(f"{shown} is no index page", url=shown, cause=str(error)) from error


def _decoded(data: bytes, declared: str | None) -> str:
    """The text of a page: UTF-8 where it declares no encoding, or one that is none."""
    try:
        return data.decode(declared or "utf-8", "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
