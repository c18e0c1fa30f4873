"""What an index says of a project: wheels with address, hash and the interpreters they are for.

Understands the JSON (PEP 691, PEP 700) and HTML (PEP 503) forms of the simple repository API, and plain folders.
Only wheels count. A listing is a stranger's text: names that are no file names and hashes that are none are dropped.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urldefrag, urljoin, urlsplit

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion

from lockhouse.values import dataclass
from lockhouse.wheels.configuration import without_credentials

__all__ = ["Link", "Page", "folder_links", "html_links", "json_links"]

T = TypeVar("T")

SERVERS = ("http", "https")
SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A wheel that an index offers. ``url`` has neither credentials nor fragment; ``size`` in bytes; hashes in hex.

    ``yanked`` is the reason for which the index has withdrawn it (PEP 592), empty if it gives none, None if it has not.
    ``metadata_sha256`` is the hash of the metadata file beside the wheel (PEP 658) where the index announces one.
    """

    filename: str
    url: str
    sha256: str | None = None
    size: int | None = None
    requires_python: str | None = None
    yanked: str | None = None
    metadata_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it came: its text, the content type that it is said to have, and where it really is."""

    text: str
    kind: str
    base: str

    def links(self, name: str) -> tuple[Link, ...]:
        """The wheels of a distribution; raise ValueError for what is no page of an index."""
        if self.kind.endswith("json"):
            return json_links(self.text, self.base, name)
        if self.kind and not self.kind.endswith(("html", "+xml")):
            raise ValueError(f"it is said to be {self.kind}, neither JSON nor HTML")
        return html_links(self.text, self.base, name)


def json_links(text: str | bytes, base: str, name: str) -> tuple[Link, ...]:
    """Read a project's JSON page; ``base`` is the page's own URL. Raises ValueError if it is no such page."""
    try:
        document = json.loads(text)
    except RecursionError as error:  # brackets nested thousands deep
        raise ValueError("the page is nested too deeply") from error
    if not isinstance(document, dict) or not isinstance(document.get("files"), list):
        raise ValueError("the page has no list of files")  # noqa: TRY004  the caller knows one error
    items = (item for item in document["files"] if isinstance(item, dict))
    return tuple(_only(name, _understood(_from_json, items, base)))


def html_links(text: str, base: str, name: str) -> tuple[Link, ...]:
    """Read a project's HTML page, or any page of links; ``base`` is the page's own URL."""
    page = _Page()
    page.feed(text)
    page.close()
    base = urljoin(base, page.base) if page.base else base
    return tuple(_only(name, _understood(_from_anchor, page.anchors, base)))


def folder_links(folder: Path, name: str) -> tuple[Link, ...]:
    """List the wheels of a distribution in a plain folder, by file name."""
    links = (
        Link(filename=path.name, url=path.absolute().as_uri(), size=path.stat().st_size)
        for path in sorted(folder.glob("*.whl"))
        if path.is_file()
    )
    return tuple(_only(name, links))


class _Page(HTMLParser):
    """Collects the anchors of a page and its ``<base href>``."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.base: str | None = None
        self.anchors: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note ``<a>`` and the first ``<base>``."""
        found = dict(attrs)
        if tag == "a" and found.get("href"):
            self.anchors.append(found)
        elif tag == "base" and self.base is None:
            self.base = found.get("href")


def _understood(read: Callable[[T, str], Link], items: Iterable[T], base: str) -> Iterator[Link]:
    """Read entries; pass over those whose address is none, or is a local file on the page of a server."""
    served = urlsplit(base).scheme in SERVERS
    for item in items:
        with contextlib.suppress(ValueError):
            link = read(item, base)
            parts = urlsplit(link.url)
            if parts.scheme in SERVERS:
                _ = parts.port  # raises ValueError for what is no number
            elif served:
                continue
            yield link


def _from_anchor(anchor: dict[str, str | None], base: str) -> Link:
    url, fragment = urldefrag(urljoin(base, (anchor["href"] or "").strip()))
    metadata = anchor.get("data-core-metadata") or anchor.get("data-dist-info-metadata") or ""
    return Link(
        filename=unquote(urlsplit(url).path.rpartition("/")[2]),
        url=without_credentials(url),
        sha256=_sha256(next(iter(parse_qs(fragment).get("sha256", ())), None)),
        requires_python=anchor.get("data-requires-python") or None,
        yanked=(anchor["data-yanked"] or "") if "data-yanked" in anchor else None,
        metadata_sha256=_sha256(metadata.removeprefix("sha256=")),
    )


def _from_json(item: dict[str, Any], base: str) -> Link:
    metadata = item.get("core-metadata", item.get("dist-info-metadata"))
    size, requires_python = item.get("size"), item.get("requires-python")
    return Link(
        filename=str(item.get("filename", "")),
        url=without_credentials(urldefrag(urljoin(base, str(item.get("url", "")))).url),
        sha256=_sha256(_hashes(item.get("hashes")).get("sha256")),
        size=size if isinstance(size, int) and size >= 0 else None,
        requires_python=requires_python if isinstance(requires_python, str) and requires_python else None,
        yanked=_yanked(item.get("yanked")),
        metadata_sha256=_sha256(_hashes(metadata).get("sha256")),
    )


def _only(name: str, links: Iterable[Link]) -> Iterator[Link]:
    """Keep the wheels of one distribution; two entries for one file name are one wheel, the first counts."""
    wanted, seen = canonicalize_name(name), set()
    for link in links:
        if not link.filename.endswith(".whl") or link.filename in seen or set(link.filename) & set("/\\\0"):
            continue
        try:
            found = parse_wheel_filename(link.filename)[0]
        except (InvalidWheelFilename, InvalidVersion):
            continue
        if found == wanted:
            seen.add(link.filename)
            yield link


def _yanked(value: object) -> str | None:
    """PEP 691: a boolean, or a string that is the reason."""
    if isinstance(value, str):
        return value
    return "" if value is True else None


def _hashes(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _sha256(value: object) -> str | None:
    return value.lower() if isinstance(value, str) and SHA256.match(value.lower()) else None
