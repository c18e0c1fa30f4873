"""How many requests one server is asked at once: as many as help, and fewer where it says that they are too many."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import field
from urllib.parse import urlsplit

from lockhouse.quantities import duration
from lockhouse.values import dataclass
from lockhouse.wheels.faults import Unavailable

__all__ = ["Lanes", "Stopped"]

NOTICE = 0.2
"""Seconds within which a wait hears that the work was called off."""


WORTH_TELLING = 0.9
"""Seconds of waiting that people should know the reason of."""


class Stopped(Exception):
    """The work was called off."""


@dataclass(slots=True)
class _Host:
    width: int
    busy: int = 0
    narrowed: float = 0.0
    until: float = 0.0
    free: threading.Condition = field(default_factory=threading.Condition)


class Lanes:
    """Bounds the requests that are under way per host. Safe to use from several threads.

    A server that answers 429, or 503 with Retry-After, gets half as many from then on, and none before the time that
    it asked for; ``tell`` is called with a line for people when that happens.
    """

    def __init__(self, width: int, tell: Callable[[str], None]) -> None:
        self._width = width
        self._tell = tell
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def enter(self, url: str, stop: threading.Event) -> Iterator[None]:
        """Wait for a free lane to the host of a URL and keep it while the block runs; raise Stopped if called off."""
        host = self._host(url)
        with host.free:
            while host.busy >= host.width or (wait := host.until - time.monotonic()) > 0:
                if stop.is_set():
                    raise Stopped
                host.free.wait(NOTICE if host.busy >= host.width else min(wait, NOTICE))
            host.busy += 1
        asked = time.monotonic()
        try:
            yield
        except Unavailable as error:
            if error.crowded:
                self._narrow(host, url, asked, error.retry_after or 0.0)
            raise
        finally:
            with host.free:
                host.busy -= 1
                host.free.notify()

    def _narrow(self, host: _Host, url: str, asked: float, seconds: float) -> None:
        """Answers to requests from before the last narrowing say nothing new about the width."""
        now = time.monotonic()
        with host.free:
            news = now + seconds > max(host.until, now) + WORTH_TELLING
            host.until = max(host.until, now + seconds)
            if asked >= host.narrowed:
                host.narrowed = now
                host.width = max(1, host.width // 2)
        if news:
            self._tell(f"{urlsplit(url).hostname} asks to wait {duration(seconds)}")

    def _host(self, url: str) -> _Host:
        key = urlsplit(url).netloc.rpartition("@")[2]
        with self._lock:
            return self._hosts.setdefault(key, _Host(self._width))
