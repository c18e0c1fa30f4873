"""A package index with the faults of a real one: every request waits, every connection has its own bandwidth.

Serves a folder of wheels as a simple index (PEP 503, PEP 691, PEP 658) with keep-alive, ranges and strong ETags. One
thread, one event loop, ``sendfile``: it takes a fraction of a core for hundreds of megabytes a second, so that what is
measured is the client. Answers are not compressed, as wheels are already.

    python benchmarks/server.py FOLDER --latency 0.04 --rate 5e6
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import re
import socket
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen
from urllib.parse import unquote, urlsplit

TICK = 0.02
"""Seconds between two sends of one connection: what it may send comes in portions of rate * TICK."""

LARGEST_PORTION = 1 << 20


@dataclass(frozen=True)
class Body:
    """What is sent: bytes, or a part of a file."""

    data: bytes = b""
    path: Path | None = None
    start: int = 0
    size: int = 0


@dataclass
class Shop:
    """The wheels of a folder, their hashes and pages, read once."""

    folder: Path
    wheels: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Size in bytes and sha256, by file name."""
    metadata: dict[str, bytes] = field(default_factory=dict)
    projects: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in sorted(self.folder.glob("*.whl")):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self.wheels[path.name] = (path.stat().st_size, digest)
            with zipfile.ZipFile(path) as archive:
                member = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
                self.metadata[path.name] = archive.read(member)
            project = re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower()
            self.projects.setdefault(project, []).append(path.name)

    def page(self, project: str) -> bytes:
        """The JSON page of a project (PEP 691, PEP 700)."""
        files = [
            {
                "filename": name,
                "url": f"/files/{name}",
                "hashes": {"sha256": self.wheels[name][1]},
                "size": self.wheels[name][0],
                "upload-time": "2026-01-01T00:00:00Z",
                "core-metadata": {"sha256": hashlib.sha256(self.metadata[name]).hexdigest()},
            }
            for name in self.projects[project]
        ]
        versions = sorted({name.split("-")[1] for name in self.projects[project]})
        return json.dumps(
            {"meta": {"api-version": "1.1"}, "name": project, "versions": versions, "files": files}
        ).encode()


@dataclass
class Counters:
    """What happened since the last reset."""

    requests: int = 0
    connections: int = 0
    open: int = 0
    most_open: int = 0
    bytes: int = 0


@dataclass
class Server:
    """One server; ``latency`` in seconds per request, ``rate`` in bytes per second and connection (0: no limit)."""

    shop: Shop
    latency: float
    rate: float
    ranges: bool = True
    counters: Counters = field(default_factory=Counters)

    async def serve(self, listener: socket.socket) -> None:
        """Accept connections for ever."""
        loop = asyncio.get_running_loop()
        tasks = set()
        while True:
            connection, _ = await loop.sock_accept(listener)
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = asyncio.create_task(self.talk(connection))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def talk(self, connection: socket.socket) -> None:
        """Answer the requests of one connection, one after the other."""
        loop = asyncio.get_running_loop()
        self.counters.connections += 1
        self.counters.open += 1
        self.counters.most_open = max(self.counters.most_open, self.counters.open)
        bucket = Bucket(self.rate)
        pending = b""
        try:
            while True:
                while b"\r\n\r\n" not in pending:
                    more = await loop.sock_recv(connection, 65536)
                    if not more:
                        return
                    pending += more
                head, _, pending = pending.partition(b"\r\n\r\n")
                await asyncio.sleep(self.latency)
                await self.answer(connection, head.decode("latin-1"), bucket)
        except OSError:
            return
        finally:
            self.counters.open -= 1
            connection.close()

    async def answer(self, connection: socket.socket, head: str, bucket: Bucket) -> None:
        """Send the answer to one request."""
        method, target, _ = head.split("\r\n", 1)[0].split(" ")
        headers = {
            key.strip().lower(): value.strip()
            for key, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
        }
        status, fields, body = self.find(unquote(urlsplit(target).path), headers)
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {body.size}", *fields]
        loop = asyncio.get_running_loop()
        first = "\r\n".join(lines).encode() + b"\r\n\r\n"
        if method == "HEAD":
            body = Body()
        if not target.startswith("/_"):
            self.counters.requests += 1
        await loop.sock_sendall(connection, first + body.data)
        if body.path is not None:
            await self.send(connection, body, bucket)

    def find(self, path: str, headers: dict[str, str]) -> tuple[str, list[str], Body]:
        """Status, headers and body for a path."""
        name = path.rstrip("/").rpartition("/")[2]
        if path.startswith("/simple/") and name in self.shop.projects:
            data = self.shop.page(name)
            kind = "application/vnd.pypi.simple.v1+json"
        elif path.startswith("/files/") and name.removesuffix(".metadata") in self.shop.wheels:
            if not name.endswith(".metadata"):
                return self.part(name, headers)
            data, kind = self.shop.metadata[name.removesuffix(".metadata")], "text/plain"
        elif path == "/_counters":
            data, kind = json.dumps(vars(self.counters)).encode(), "application/json"
            self.counters = Counters(open=self.counters.open, most_open=self.counters.open)
        else:
            return "404 Not Found", ["Content-Type: text/plain"], Body(b"none", size=4)
        return "200 OK", [f"Content-Type: {kind}"], Body(data, size=len(data))

    def part(self, name: str, headers: dict[str, str]) -> tuple[str, list[str], Body]:
        """A wheel, or the range of it that is asked for (RFC 9110, 14.2)."""
        size, digest = self.shop.wheels[name]
        path = self.shop.folder / name
        etag = f'"{digest[:32]}"'
        fields = ["Content-Type: application/octet-stream", f"ETag: {etag}"]
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", headers.get("range", "")) if self.ranges else None
        if self.ranges:
            fields.append("Accept-Ranges: bytes")
        if match is None or headers.get("if-range", etag) != etag:
            return "200 OK", fields, Body(path=path, size=size)
        if match[1]:
            start, end = int(match[1]), min(int(match[2] or size - 1), size - 1)
        else:
            start, end = max(0, size - int(match[2])), size - 1
        if start > end:
            return "416 Range Not Satisfiable", [f"Content-Range: bytes */{size}"], Body()
        fields.append(f"Content-Range: bytes {start}-{end}/{size}")
        return "206 Partial Content", fields, Body(path=path, start=start, size=end - start + 1)

    async def send(self, connection: socket.socket, body: Body, bucket: Bucket) -> None:
        """Send a part of a file as fast as the bucket lets it."""
        assert body.path is not None
        handle = os.open(body.path, os.O_RDONLY)
        bucket.begin()
        try:
            position, end = body.start, body.start + body.size
            while position < end:
                allowed = await bucket.take(end - position)
                stop = position + allowed
                while position < stop:
                    try:
                        sent = os.sendfile(connection.fileno(), handle, position, stop - position)
                    except BlockingIOError:
                        await _writable(connection)
                        continue
                    if sent == 0:
                        raise ConnectionError
                    position += sent
                    self.counters.bytes += sent
        finally:
            os.close(handle)


CATCH_UP = 0.5
"""Seconds of bandwidth that a connection may catch up with when this process was late; never across answers."""


class Bucket:
    """Bandwidth of one connection."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.next = 0.0

    def begin(self) -> None:
        """Start an answer: what was not used before it is gone."""
        self.next = max(self.next, time.monotonic())

    async def take(self, wanted: int) -> int:
        """Wait for the next portion; return its size in bytes."""
        if not self.rate:
            await asyncio.sleep(0)
            return min(wanted, LARGEST_PORTION)
        portion = min(wanted, max(1, int(self.rate * TICK)))
        now = time.monotonic()
        self.next = max(self.next, now - CATCH_UP)
        pause = self.next - now
        self.next += portion / self.rate
        if pause > 0:
            await asyncio.sleep(pause)
        return portion


async def _writable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(connection.fileno(), wake)
    try:
        await ready
    finally:
        loop.remove_writer(connection.fileno())


@contextlib.contextmanager
def serving(folder: Path, *, latency: float, rate: float, ranges: bool = True) -> Iterator[str]:
    """Run a server of its own process while the block runs; give its address without a slash at the end."""
    argv = [sys.executable, __file__, str(folder), "--latency", str(latency), "--rate", str(rate)]
    with Popen([*argv, *([] if ranges else ["--no-ranges"])], stdout=PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def main() -> None:
    """Serve until terminated; the first line of output is the address."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--latency", type=float, default=0.04, help="seconds that each request waits")
    parser.add_argument("--rate", type=float, default=5e6, help="bytes per second and connection; 0: no limit")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--no-ranges", action="store_true")
    options = parser.parse_args()
    server = Server(Shop(options.folder), options.latency, options.rate, ranges=not options.no_ranges)
    with socket.create_server(("127.0.0.1", options.port), backlog=512) as listener:
        listener.setblocking(False)
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(server.serve(listener))


if __name__ == "__main__":
    main()
