"""Requests that survive bad networks and say clearly what went wrong; the only module that imports requests to use it.

Every request has a time limit. What may pass by itself (refused and cut connections, 429, 5xx) is
:class:`~lockhouse.wheels.faults.Unavailable` and worth another attempt; everything else is final. No text ever holds
credentials.
"""

from __future__ import annotations

import contextlib
import random
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from lockhouse import __version__
from lockhouse.errors import Hint, NetworkError, OfflineError, UsageError
from lockhouse.wheels.answers import extent, is_packed, retry_after, version_of
from lockhouse.wheels.configuration import PipConfiguration, credentials_for, shown_url, without_credentials
from lockhouse.wheels.faults import NotServed, RangeRefused, Unavailable
from lockhouse.wheels.local import local_path, open_local
from lockhouse.wheels.streams import BLOCK, Stream

__all__ = ["Transport"]

T = TypeVar("T")

CONNECTIONS = 64
"""Connections to one host that are kept for the next request; how many there are is for others to bound."""

REGRETS = 1 << 16
"""Bytes of an answer that nobody wants, which are cheaper to read than a new connection is to make."""

LONGEST_WAIT = 120.0
"""Seconds; a server that asks for more than this in Retry-After is asked again after this."""

TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})


class Transport:
    """HTTP with the user's certificates, proxy and credentials. Safe to use from several threads.

    ``indexes`` are URLs whose credentials may be used for their origin. ``first_wait`` is the pause in seconds before
    the first repeated attempt; it doubles with each further one.
    """

    def __init__(
        self,
        configuration: PipConfiguration,
        *,
        offline: bool = False,
        indexes: tuple[str, ...] = (),
        first_wait: float = 0.5,
    ) -> None:
        self.configuration = configuration
        self.offline = offline
        self.first_wait = first_wait
        self._indexes = (*configuration.indexes, *configuration.find_links, *indexes)
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"lockhouse/{__version__}"
        # A session may be shared between threads as long as nothing in it changes: so it keeps no cookies.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_maxsize=CONNECTIONS, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        if configuration.proxy:
            self._session.proxies = {"http": configuration.proxy, "https": configuration.proxy}
            self._session.trust_env = False  # else NO_PROXY and *_PROXY would override the explicit choice
        if configuration.trusted_hosts:  # chosen with open eyes: no warning with each request
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        if configuration.client_cert:
            self._session.cert = configuration.client_cert

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    @contextlib.contextmanager
    def request(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Iterator[requests.Response]:
        """Make one attempt; give the response while its body is still unread.

        Raises OfflineError, NotServed, Unavailable or NetworkError, also for what goes wrong while the body is read.
        """
        if self.offline:
            raise OfflineError(
                "this needs the network",
                cause=f"{shown_url(url)} is needed, and --offline forbids it",
                hints=[Hint("go-online", "run once without --offline, or put the wheel into the wheelhouse")],
            )
        with self._faults(url):
            response = self._session.request(
                method,
                without_credentials(url),
                headers={"Accept-Encoding": "identity", **(headers or {})},
                auth=credentials_for(url, self._indexes),
                timeout=(self.configuration.timeout or None, self.configuration.timeout or None),
                verify=self._verify(url),
                allow_redirects=True,
                stream=True,
            )
            with response:
                self._check(response, url)
                if method == "HEAD":
                    response.raw.drain_conn()  # of nothing: else closing it would close the connection
                yield response

    def insistently(self, attempt: Callable[[], T], *, replaceable: bool = False) -> T:
        """Call until it succeeds, fails for good, or the configured number of repetitions is used up.

        Somebody who is ``replaceable``, because others have the same, is asked twice and not waited for.
        """
        for repetition in range(min(self.configuration.retries, 1) if replaceable else self.configuration.retries):
            try:
                return attempt()
            except Unavailable as error:
                if (error.nowhere and repetition) or (replaceable and (error.nowhere or error.crowded)):
                    raise
                time.sleep(self.wait(repetition, error))
        return attempt()

    def wait(self, repetition: int, error: Unavailable) -> float:
        """Seconds to wait before the repetition: what the server asked for, else exponential with jitter."""
        if error.retry_after is not None:
            return min(error.retry_after, LONGEST_WAIT)
        longest = min(self.first_wait * 2.0**repetition, 30.0)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  jitter, no secret

    @contextlib.contextmanager
    def stream(
        self, url: str, offset: int = 0, validator: str | None = None, end: int | None = None
    ) -> Iterator[Stream]:
        """Open a file from byte ``offset`` on, to its end or only to before byte ``end``, in one attempt.

        A server that does not know ranges, or whose file is no longer the one that ``validator`` names, sends all of
        it: then ``start`` is 0. Files are read in the same way, always to their end.
        """
        if (path := local_path(url)) is not None:
            with open_local(path, offset) as stream:
                yield stream
            return
        headers = {}
        if offset or end is not None:
            headers["Range"] = f"bytes={offset}-{'' if end is None else end - 1}"
            if validator:
                headers["If-Range"] = validator
        with self.request("GET", url, headers) as response:
            start, total = extent(response, offset, url)
            raw, packed = response.raw, is_packed(response)
            # read1, not read: it gives what has arrived, where read would lose it if the rest of a block stays away
            blocks = iter(lambda: raw.read1(BLOCK, decode_content=packed), b"")
            with self._faults(url):
                yield Stream(
                    start=start,
                    total=total,
                    validator=version_of(response),
                    blocks=self._guarded(blocks, url),
                    ranged=response.status_code == 206,
                )

    def _guarded(self, blocks: Iterator[bytes], url: str) -> Iterator[bytes]:
        with self._faults(url):
            yield from blocks

    def _verify(self, url: str) -> bool | str:
        for path in (self.configuration.cert, self.configuration.client_cert):
            if path and not Path(path).exists():
                raise UsageError(
                    "the configured certificates are not there",
                    cause=f"{path} does not exist",
                    hints=[Hint("check-certificate", "correct pip's option cert or client-cert, or PIP_CERT")],
                )
        parts = urlsplit(url)
        if {parts.hostname, parts.netloc.rpartition("@")[2]} & set(self.configuration.trusted_hosts):
            return False
        return self.configuration.cert or True

    def _check(self, response: requests.Response, url: str) -> None:
        status, shown = response.status_code, shown_url(url)
        if status < 400:
            return
        if response.headers.get("Content-Length", "").isdigit() and int(response.headers["Content-Length"]) <= REGRETS:
            response.raw.drain_conn()  # so that the connection serves the next request: many answers are 404
        cause = f"status {status} {response.reason or ''}".strip()
        if status in TEMPORARY or status >= 500:
            raise Unavailable(
                f"{_host(url)} cannot answer now",
                url=shown,
                cause=f"{shown}: {cause}",
                hints=(Hint("try-later", "try again later; what was downloaded is kept"),),
                retry_after=retry_after(response.headers.get("Retry-After")),
                crowded=status == 429 or (status == 503 and "Retry-After" in response.headers),
            )
        if status == 416:
            raise RangeRefused("there is no such range", url=shown, status=status, cause=f"{shown}: {cause}")
        hints: tuple[Hint, ...] = ()
        if status in (401, 403, 407):
            text = f"give user and password for {_host(url)} in pip's configuration or in ~/.netrc"
            hints = (Hint("check-credentials", text),)
        raise NotServed(
            f"{_host(url)} does not serve this", url=shown, status=status, cause=f"{shown}: {cause}", hints=hints
        )

    @contextlib.contextmanager
    def _faults(self, url: str) -> Iterator[None]:
        """Turn what requests and urllib3 raise into our errors, without the URLs that their texts quote."""
        shown = shown_url(url)
        try:
            yield
        except (requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError) as error:
            raise NetworkError(
                f"the certificate of {_host(url)} is not accepted",
                url=shown,
                cause=_reason(error),
                hints=[
                    Hint("check-certificate", "name your certificate authorities with pip's option cert, or PIP_CERT")
                ],
            ) from error
        except requests.exceptions.ProxyError as error:
            raise Unavailable(
                f"the proxy on the way to {_host(url)} does not answer",
                url=shown,
                cause=_reason(error),
                hints=(Hint("check-proxy", "look at pip's option proxy and at HTTPS_PROXY and NO_PROXY"),),
            ) from error
        except (
            requests.exceptions.ConnectionError,
            requests.exceptions.Timeout,
            requests.exceptions.ChunkedEncodingError,
            urllib3.exceptions.HTTPError,
            ConnectionError,
            TimeoutError,
        ) as error:
            raise Unavailable(
                f"{_host(url)} cannot be reached",
                url=shown,
                cause=f"{shown}: {_reason(error)}",
                hints=(Hint("check-network", "check the connection and the index's address, then run it again"),),
                nowhere=_is_unresolved(error),
            ) from error
        except (requests.exceptions.RequestException, UnicodeError) as error:
            raise NetworkError(f"{shown} cannot be requested", url=shown, cause=_reason(error)) from error


def _is_unresolved(error: BaseException | None) -> bool:
    """Whether an error came about because a host name leads to no address; requests wraps it several times."""
    while error is not None:
        if isinstance(error, urllib3.exceptions.NameResolutionError):
            return True
        wrapped = next((item for item in error.args if isinstance(item, BaseException)), None)
        error = getattr(error, "reason", None) or wrapped
    return False


def _reason(error: BaseException) -> str:
    """Say in short what is at the bottom of an exception; upper layers quote URLs and repeat each other."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        inner = getattr(error, "reason", None)
        candidates = [inner, *error.args, error.__cause__, error.__context__]
        error = next((item for item in candidates if isinstance(item, BaseException) and id(item) not in seen), error)
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    text = re.sub(r"^<[^>]*>: |^\w*Connection\w*\([^)]*\): ", "", str(text))
    return re.sub(r"//[^/@\s]+@", "//", re.sub(r"\?\S+", "", text))


def _host(url: str) -> str:
    return urlsplit(url).hostname or shown_url(url)
