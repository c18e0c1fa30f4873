"""Files that need no server: paths and ``file:`` URLs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from lockhouse.errors import NetworkError
from lockhouse.wheels.faults import NotServed
from lockhouse.wheels.streams import BLOCK, Stream

__all__ = ["local_path", "located", "open_local"]


def local_path(url: str) -> Path | None:
    """Return the path of a ``file:`` URL or a plain path; None for anything that needs a server.

    Raises NetworkError for what is no address at all, so that nobody after this need expect it.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        # the parser quotes the host with whatever stands before it, so neither its text nor the address is repeated
        raise NetworkError("an address cannot be understood", url="", cause="it names no host and port") from error
    if parts.scheme == "file":
        host = f"//{parts.netloc}" if parts.netloc not in ("", "localhost") else ""
        return Path(url2pathname(f"{host}{parts.path}"))
    if "://" in url:
        return None
    return Path(url).expanduser()


def located(location: str, base: Path) -> str:
    """Give the address, or the absolute path, of an index or find-links location; ``base`` is where it was written."""
    if "://" in location or location.startswith("file:"):
        return location
    return str((base / Path(location).expanduser()).absolute())


@contextlib.contextmanager
def open_local(path: Path, offset: int) -> Iterator[Stream]:
    """Open a file from byte ``offset`` on; raise NotServed if that fails."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise NotServed(f"{path} cannot be read", url=str(path), status=404, cause=str(error.strerror)) from error
    with file:
        total = file.seek(0, 2)
        start = offset if offset <= total else 0
        file.seek(start)
        blocks = iter(lambda: file.read(BLOCK), b"")
        yield Stream(start=start, total=total, validator=None, blocks=blocks)
