"""A real package index on loopback: PEP 503 and 691, range requests, metadata files, and faults on demand."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

__all__ = ["Faults", "Index", "serving"]

LONGEST_ANSWER = 120.0
"""Seconds after which an answer is not going to end."""


@dataclass
class Faults:
    """What goes wrong, by file name (or project name for listings)."""

    status: dict[str, list[int]] = field(default_factory=dict)
    """Statuses to answer with before the real answer, one per request."""
    cut_after: dict[str, list[int]] = field(default_factory=dict)
    """Close the connection after that many body bytes, one per request."""
    corrupt: set[str] = field(default_factory=set)
    """Serve the right number of wrong bytes."""
    no_ranges: bool = False
    html_only: bool = False
    no_hashes: bool = False
    no_metadata: bool = False
    yanked: dict[str, str | bool] = field(default_factory=dict)
    """What was withdrawn, by file name: the reason, or True without one."""
    latency: float = 0.0
    bytes_per_second: float | None = None
    password: str | None = None
    """``user:password`` that every request must bring."""


class Index:
    """Serves the wheels of a folder at ``url`` (``http://127.0.0.1:port/simple/``) and counts what it sends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.faults = Faults()
        self.requests: list[str] = []
        """``METHOD path`` of every request, in order of arrival."""
        self.clients: set[tuple[str, int]] = set()
        """Addresses that asked: one for each connection."""
        self.lock = threading.Lock()
        self._sent: dict[str, int] = {}
        self._answering = 0
        self._quiet = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def base(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """Address of the index, as pip takes it."""
        return f"{self.base}/simple/"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering, and wait until nobody is."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def sent(self) -> dict[str, int]:
        """Body bytes of wheels sent, by file name, when nothing is being sent any more.

        A client has the last byte before the server has counted it.
        """
        with self._quiet:
            assert self._quiet.wait_for(lambda: not self._answering, LONGEST_ANSWER), "answers do not come to an end"
        return self._sent

    def wait_until_quiet(self) -> None:
        """Wait for answers that are still being written, and for what clients that are gone have asked for."""
        before = None
        while before != (before := dict(self.sent)):
            time.sleep(0.2)

    def forget(self) -> None:
        """Begin to count anew, as soon as nothing is going on."""
        self.wait_until_quiet()
        with self.lock:
            self._sent.clear()
            self.requests.clear()

    def wheels(self, project: str) -> list[Path]:
        """Find the wheels of a project, by canonical name."""
        return sorted(
            path for path in self.folder.glob("*.whl") if canonicalize_name(path.name.split("-")[0]) == project
        )

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        index = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with index.answering():
                    index.answer(self)

            def do_HEAD(self) -> None:
                self.do_GET()

            def log_message(self, *args: object) -> None:
                pass

        return Handler

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Count an answer that is being given."""
        with self._quiet:
            self._answering += 1
        try:
            yield
        finally:
            with self._quiet:
                self._answering -= 1
                self._quiet.notify_all()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        path = unquote(urlsplit(handler.path).path)
        name = path.rstrip("/").rpartition("/")[2]
        with self.lock:
            self.requests.append(f"{handler.command} {path}")
            self.clients.add(handler.client_address)
            statuses = self.faults.status.get(name)
            status = statuses.pop(0) if statuses else None
        if self.faults.latency:
            time.sleep(self.faults.latency)
        if self.faults.password:
            expected = "Basic " + base64.b64encode(self.faults.password.encode()).decode()
            if handler.headers.get("Authorization") != expected:
                self._send(handler, 401, b"who are you?", "text/plain", {"WWW-Authenticate": 'Basic realm="index"'})
                return
        if status is not None:
            self._send(handler, status, b"fault", "text/plain")
        elif path.startswith("/simple/") and name != "simple":
            self._project(handler, name)
        elif path.startswith("/files/"):
            self._file(handler, name)
        else:
            self._send(handler, 404, b"no such thing", "text/plain")

    def _project(self, handler: BaseHTTPRequestHandler, project: str) -> None:
        wheels = self.wheels(project)
        if not wheels:
            self._send(handler, 404, b"no such project", "text/plain")
            return
        if self.faults.html_only or "json" not in handler.headers.get("Accept", ""):
            anchors = []
            for wheel in wheels:
                fragment = "" if self.faults.no_hashes else f"#sha256={_sha256(wheel)}"
                anchors.append(f'<a href="../../files/{wheel.name}{fragment}">{wheel.name}</a><br>')
            body = f"<!DOCTYPE html><html><body>{''.join(anchors)}</body></html>".encode()
            self._send(handler, 200, body, "text/html")
            return
        files = [
            {
                "filename": wheel.name,
                "url": f"{self.base}/files/{wheel.name}",
                "hashes": {} if self.faults.no_hashes else {"sha256": _sha256(wheel)},
                "size": wheel.stat().st_size,
                "core-metadata": not self.faults.no_metadata,
                "yanked": self.faults.yanked.get(wheel.name, False),
            }
            for wheel in wheels
        ]
        versions = sorted({wheel.name.split("-")[1] for wheel in wheels})
        body = json.dumps(
            {"meta": {"api-version": "1.1"}, "name": project, "versions": versions, "files": files}
        ).encode()
        self._send(handler, 200, body, "application/vnd.pypi.simple.v1+json")

    def _file(self, handler: BaseHTTPRequestHandler, name: str) -> None:
        wheel = self.folder / name.removesuffix(".metadata")
        if not wheel.is_file() or (name.endswith(".metadata") and self.faults.no_metadata):
            self._send(handler, 404, b"no such file", "text/plain")
            return
        if name.endswith(".metadata"):
            with zipfile.ZipFile(wheel) as archive:
                member = next(item for item in archive.namelist() if item.endswith(".dist-info/METADATA"))
                self._send(handler, 200, archive.read(member), "text/plain")
            return
        self._wheel(handler, wheel)

    def _wheel(self, handler: BaseHTTPRequestHandler, wheel: Path) -> None:
        data = wheel.read_bytes()
        if wheel.name in self.faults.corrupt:
            data = bytes(byte ^ 0xFF for byte in data)
        headers = {"Accept-Ranges": "none" if self.faults.no_ranges else "bytes", "ETag": f'"{_sha256(wheel)[:16]}"'}
        status, start, end = 200, 0, len(data)
        asked = handler.headers.get("Range")
        if handler.headers.get("If-Range") not in (None, headers["ETag"]):
            asked = None  # another version than the client has the beginning of
        if asked and not self.faults.no_ranges:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            if first:
                start, end = int(first), min(int(last) + 1 if last else len(data), len(data))
            else:
                start = max(0, len(data) - int(last))
            if start >= len(data):
                self._send(handler, 416, b"", "text/plain", {"Content-Range": f"bytes */{len(data)}"})
                return
            status = 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        with self.lock:
            cuts = self.faults.cut_after.get(wheel.name) if handler.command == "GET" else None
            cut = cuts.pop(0) if cuts else None
        self._send(handler, status, data[start:end], "application/octet-stream", headers, cut=cut, count=wheel.name)

    def _send(
        self,
        handler: BaseHTTPRequestHandler,
        status: int,
        body: bytes,
        kind: str,
        headers: dict[str, str] | None = None,
        *,
        cut: int | None = None,
        count: str | None = None,
    ) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        for key, value in (headers or {}).items():
            handler.send_header(key, value)
        handler.end_headers()
        if handler.command == "HEAD":
            return
        if cut is not None:
            body = body[:cut]
            handler.close_connection = True
        block = 16384
        try:
            for offset in range(0, len(body), block):
                piece = body[offset : offset + block]
                handler.wfile.write(piece)
                if count:
                    with self.lock:
                        self._sent[count] = self._sent.get(count, 0) + len(piece)
                if count and self.faults.bytes_per_second:
                    time.sleep(len(piece) / self.faults.bytes_per_second)
        except OSError:  # the client went away: that is what some tests do
            handler.close_connection = True


@contextmanager
def serving(folder: Path) -> Iterator[Index]:
    """Serve a folder of wheels until the block ends."""
    index = Index(folder)
    index.start()
    try:
        yield index
    finally:
        index.stop()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
