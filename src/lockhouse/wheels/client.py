"""The index client: what a project offers, what a wheel says of itself, and its bytes.

Indexes are servers or folders alike. Nothing is decided here: which of several indexes counts, and which wheel is
taken, is the plan's business.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote, urlsplit

import requests
from packaging.utils import canonicalize_name, parse_wheel_filename

from lockhouse.errors import IntegrityError, NetworkError, OfflineError
from lockhouse.wheels.configuration import PipConfiguration, shown_url, without_credentials
from lockhouse.wheels.faults import NotServed
from lockhouse.wheels.listing import Link, folder_links, html_links, json_links
from lockhouse.wheels.local import local_path
from lockhouse.wheels.metadata import (
    Metadata,
    MetadataError,
    describes,
    parse_metadata,
    recall_metadata,
    remember_metadata,
)
from lockhouse.wheels.remote import RemoteFile
from lockhouse.wheels.streams import Stream
from lockhouse.wheels.transport import Transport
from lockhouse.wheels.wheelfile import metadata_in, read_wheel_metadata

__all__ = ["Client", "Link"]

ACCEPT = ", ".join(
    (
        "application/vnd.pypi.simple.v1+json",
        "application/vnd.pypi.simple.v1+html;q=0.2",
        "text/html;q=0.1",
    )
)
ABSENT = frozenset({403, 404, 410})
"""Statuses by which indexes say that they have no such project; buckets answer 403 for what is not there."""

LARGEST_METADATA = 64 << 20
"""Bytes; nothing honest is larger."""


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
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.transport.close()

    def project(self, index_url: str, name: str) -> tuple[Link, ...]:
        """Return the wheels that an index offers for a distribution, in its order; () if it does not know it.

        ``index_url`` is a simple index (PEP 503, PEP 691), a ``file:`` URL or path of one, or a folder of wheels.
        Answers are remembered as long as the client lives.
        """
        key = (index_url, canonicalize_name(name))
        with self._lock:
            known = self._pages.get(key)
        if known is None:
            folder = local_path(index_url)
            known = self._from_server(*key) if folder is None else self._from_folder(folder, key[1])
            with self._lock:
                self._pages[key] = known
        return known

    def find_links(self, location: str, name: str) -> tuple[Link, ...]:
        """Return the wheels of a distribution at one of pip's find-links: a folder, or an HTML page anywhere."""
        path = local_path(location)
        if path is None:
            return self._page(location, canonicalize_name(name))
        if path.is_file():
            return html_links(_text(path), path.absolute().as_uri(), name)
        return folder_links(path, name)

    def metadata(self, link: Link | str, sha256: str | None = None) -> Metadata:
        """Return a wheel's core metadata at the least cost: cache, the file beside it, ranges, the whole wheel.

        Raises UnsafeWheel if the wheel's metadata is no such thing or that of another distribution.
        """
        path = local_path(link if isinstance(link, str) else link.url)
        link = link if isinstance(link, Link) else _link_to(link)
        sha256 = sha256 or link.sha256
        if sha256 and (known := recall_metadata(sha256)) is not None:
            return known
        if path is not None:
            if not path.is_file():
                raise NotServed(f"{path} is not there", url=str(path), status=404, cause="no such file")
            found = read_wheel_metadata(path)
        else:
            found = self._beside(link) or self._within(link) or self._whole(link, sha256)
        if sha256:
            remember_metadata(sha256, found)
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

    def _from_server(self, index_url: str, name: str) -> tuple[Link, ...]:
        parts = urlsplit(index_url)
        path = f"{parts.path.rstrip('/')}/{quote(name)}/"
        try:
            return self._page(parts._replace(path=path).geturl(), name)
        except NotServed as error:
            if error.status in ABSENT:
                return ()
            raise

    def _from_folder(self, folder: Path, name: str) -> tuple[Link, ...]:
        if not folder.is_dir():
            raise NotServed(f"{folder} is not there", url=str(folder), status=404, cause="no such folder")
        page = folder / name / "index.html"
        if page.is_file():
            return html_links(_text(page), page.absolute().as_uri(), name)
        return folder_links(folder, name) or folder_links(folder / name, name)

    def _page(self, url: str, name: str) -> tuple[Link, ...]:
        def attempt() -> tuple[bytes, requests.Response]:
            with self.transport.request("GET", url, {"Accept": ACCEPT, "Accept-Encoding": "gzip"}) as response:
                return response.content, response

        body, response = self.transport.insistently(attempt)
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        base = response.url
        if kind.endswith("json"):
            try:
                return json_links(body, base, name)
            except ValueError as error:
                shown = shown_url(url)
                raise NetworkError(f"{shown} is no index page", url=shown, cause=str(error)) from error
        return html_links(body.decode(response.encoding or "utf-8", "replace"), base, name)

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

    def _beside(self, link: Link) -> Metadata | None:
        """The metadata file beside the wheel (PEP 658), which many indexes have without announcing it."""
        parts = urlsplit(link.url)
        url = parts._replace(path=f"{parts.path}.metadata").geturl()

        def attempt() -> bytes:
            with self.transport.request("GET", url) as response:
                return _limited(response)

        try:
            data = self.transport.insistently(attempt) if link.metadata_sha256 else attempt()
        except NotServed:
            return None
        except NetworkError:
            if link.metadata_sha256:
                raise
            return None  # some servers fail on names they do not know; nobody promised this file
        if link.metadata_sha256 and hashlib.sha256(data).hexdigest() != link.metadata_sha256:
            return None
        try:
            found = parse_metadata(data)
        except MetadataError:
            return None  # an index that answers everything with a friendly page
        name, version, _, _ = parse_wheel_filename(link.filename)
        return found if describes(found, name, version) else None

    def _within(self, link: Link) -> Metadata | None:
        """The metadata inside the wheel, by range requests."""
        try:
            with zipfile.ZipFile(RemoteFile(self.transport, link.url)) as archive:
                return metadata_in(archive, link.filename)
        except OfflineError:
            raise
        except NotServed as error:
            if error.status == 404:
                raise
            return None
        except (NetworkError, zipfile.BadZipFile, zlib.error, OSError, EOFError):
            return None

    def _whole(self, link: Link, sha256: str | None) -> Metadata:
        """The metadata inside the wheel, at the price of all of it."""
        with tempfile.TemporaryDirectory(prefix="lockhouse-") as folder:
            path = Path(folder) / link.filename

            def attempt() -> str:
                digest = hashlib.sha256()
                with self.open_stream(link.url) as stream, path.open("wb") as file:
                    for block in stream.blocks:
                        digest.update(block)
                        file.write(block)
                return digest.hexdigest()

            actual = self.transport.insistently(attempt)
            if sha256 and actual != sha256:
                raise IntegrityError(
                    f"{link.filename} is not the file that was announced", expected=sha256, actual=actual
                )
            return read_wheel_metadata(path)


def _limited(response: requests.Response) -> bytes:
    data: bytes = response.raw.read(LARGEST_METADATA, decode_content=True)
    return data


def _link_to(url: str) -> Link:
    return Link(filename=unquote(urlsplit(url).path.rpartition("/")[2]), url=without_credentials(url))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
