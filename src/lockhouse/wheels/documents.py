"""Small documents from the web: read from the first address that serves them."""

from __future__ import annotations

import email.utils
from collections.abc import Sequence

from lockhouse.errors import NetworkError, OfflineError
from lockhouse.values import dataclass
from lockhouse.wheels.configuration import read_pip_configuration, shown_url
from lockhouse.wheels.local import local_path
from lockhouse.wheels.transport import Transport

__all__ = ["Document", "fetch_document"]

LARGEST = 4 << 20
"""Bytes: a manifest has a few thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What was read, and from where. ``modified`` is when it was changed, in seconds since 1970, None if nobody says.

    ``refused`` tells of each address before that did not serve it, and why.
    """

    url: str
    data: bytes
    modified: float | None
    refused: tuple[str, ...] = ()


def fetch_document(urls: Sequence[str], *, offline: bool = False) -> Document:
    """Read a document from the first of several addresses that serves it, with the user's certificates and proxy.

    ``file:`` addresses and paths are read too. Raises what the last address answered: NetworkError, OfflineError where
    the network is not to be used.
    """
    refused: list[str] = []
    transport = Transport(read_pip_configuration(), offline=offline)
    try:
        for url in urls:
            try:
                data, modified = _read(transport, url)
                return Document(url=shown_url(url), data=data, modified=modified, refused=tuple(refused))
            except OfflineError:
                raise
            except NetworkError as error:
                refused.append(f"{shown_url(url)}: {error.cause or error.summary}")
                if url == urls[-1]:
                    raise
    finally:
        transport.close()
    raise ValueError("no address was given")


def _read(transport: Transport, url: str) -> tuple[bytes, float | None]:
    modified: float | None
    path = local_path(url)
    if path is not None:
        try:
            data, modified = path.read_bytes(), path.stat().st_mtime
        except OSError as error:
            raise NetworkError(f"{path} cannot be read", url=str(path), cause=error.strerror) from error
    else:
        # Once: whoever refuses now refuses again in a second, and there may be another address.
        with transport.request("GET", url, {"Accept-Encoding": "gzip"}) as response:
            data = response.raw.read(LARGEST + 1, decode_content=True)
            modified = _time(response.headers.get("Last-Modified"))
    if len(data) > LARGEST:
        raise NetworkError(f"{shown_url(url)} is too large", url=shown_url(url), cause=f"more than {LARGEST} bytes")
    return data, modified


def _time(value: str | None) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(value).timestamp() if value else None
    except ValueError:
        return None
