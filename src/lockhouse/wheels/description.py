"""What a wheel on a server says of itself, without fetching the wheel."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from urllib.parse import urlsplit

import requests
from packaging.utils import parse_wheel_filename

from lockhouse.errors import NetworkError, OfflineError
from lockhouse.quantities import size
from lockhouse.wheels.configuration import shown_url
from lockhouse.wheels.faults import NotServed
from lockhouse.wheels.listing import Link
from lockhouse.wheels.metadata import Metadata, MetadataError, describes, parse_metadata
from lockhouse.wheels.remote import RemoteFile
from lockhouse.wheels.transport import Transport
from lockhouse.wheels.wheelfile import metadata_in

__all__ = ["beside", "limited", "within"]

LARGEST = 64 << 20
"""Bytes of a page or of metadata; nothing honest is larger."""


def beside(transport: Transport, link: Link) -> Metadata | None:
    """Read the metadata file beside the wheel (PEP 658), which many indexes have without announcing it."""
    parts = urlsplit(link.url)
    url = parts._replace(path=f"{parts.path}.metadata").geturl()

    def attempt() -> bytes:
        with transport.request("GET", url) as response:
            return limited(response)

    try:
        data = transport.insistently(attempt) if link.metadata_sha256 else attempt()
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


def within(transport: Transport, link: Link) -> Metadata | None:
    """Read the metadata inside the wheel, by range requests; None where the server does not know them."""
    try:
        with zipfile.ZipFile(RemoteFile(transport, link.url)) as archive:
            return metadata_in(archive, link.filename)
    except OfflineError:
        raise
    except NotServed as error:
        if error.status == 404:
            raise
        return None
    except (NetworkError, zipfile.BadZipFile, zlib.error, OSError, EOFError):
        return None


def limited(response: requests.Response) -> bytes:
    """Return the body of a response; raise NetworkError if it is larger than anything honest."""
    data: bytes = response.raw.read(LARGEST + 1, decode_content=True)
    if len(data) > LARGEST:
        shown = shown_url(response.url)
        cause = f"{shown} is larger than {size(LARGEST)}"
        raise NetworkError(f"{urlsplit(shown).hostname} sends too much", url=shown, cause=cause)
    return data
