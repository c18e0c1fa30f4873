"""A wheel on a server as a file to seek in, so that zipfile reads its table and its metadata and nothing else."""

from __future__ import annotations

import io
import re

from lockhouse.errors import NetworkError
from lockhouse.wheels.transport import Transport

__all__ = ["RemoteFile"]

AHEAD = 1 << 16
"""Bytes asked for at least: the tables of most wheels come with the first request."""


class RemoteFile(io.RawIOBase):
    """Reads by range requests (RFC 9110, 14.2). Raises NetworkError where the server knows no ranges."""

    def __init__(self, transport: Transport, url: str) -> None:
        super().__init__()
        self._transport = transport
        self._url = url
        self._pieces: list[tuple[int, bytes]] = []
        self._position = 0
        self.size = self._ask(f"bytes=-{AHEAD}")

    def readable(self) -> bool:
        """True: it is there to be read."""
        return True

    def seekable(self) -> bool:
        """True: it is there to be sought in."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; costs no request."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if origin + offset < 0:
            raise OSError(22, "negative position")
        self._position = origin + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, asking the server for those that are not here yet."""
        start = min(self._position, self.size)
        end = self.size if size < 0 else min(start + size, self.size)
        if start == end:
            return b""
        data = self._known(start, end)
        if data is None:
            self._ask(f"bytes={start}-{min(max(end, start + AHEAD), self.size) - 1}")
            data = self._known(start, end)
            if data is None:
                raise NetworkError("a range came back short", url=self._url)
        self._position = end
        return data

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _known(self, start: int, end: int) -> bytes | None:
        for offset, data in self._pieces:
            if offset <= start and end <= offset + len(data):
                return data[start - offset : end - offset]
        return None

    def _ask(self, wanted: str) -> int:
        """Fetch a range, keep it, and return the size of the whole file."""

        def attempt() -> int:
            with self._transport.request("GET", self._url, {"Range": wanted}) as response:
                match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", "").strip())
                if response.status_code != 206 or not match:
                    raise NetworkError("the server does not know range requests", url=self._url)
                self._pieces.append((int(match[1]), response.raw.read(decode_content=False)))
                return int(match[2])

        return self._transport.insistently(attempt)
