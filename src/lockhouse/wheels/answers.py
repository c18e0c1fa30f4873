"""What the headers of an answer say about its body: where it begins, which version it is of, when to ask again."""

from __future__ import annotations

import email.utils
import re
import time
from urllib.parse import urlsplit

import requests

from lockhouse.wheels.configuration import shown_url
from lockhouse.wheels.faults import RangeRefused

__all__ = ["extent", "is_packed", "retry_after", "version_of"]

SETTLED = 60.0
"""Seconds after which a time of modification, which counts whole seconds, surely names one version of a file."""


def extent(response: requests.Response, offset: int, url: str) -> tuple[int, int | None]:
    """Where the body begins and how long the whole file is (RFC 9110, 14.4 and 15.3.7)."""
    length = response.headers.get("Content-Length", "")
    if response.status_code != 206:
        return 0, int(length) if length.isdigit() and not is_packed(response) else None
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if not match or int(match[1]) != offset:
        raise _another_range(url, f"not what begins at {offset}")
    if is_packed(response):
        raise _another_range(url, "a part of the file as it was packed on its way")
    return offset, int(match[2]) if match[2] != "*" else None


def _another_range(url: str, what: str) -> RangeRefused:
    shown = shown_url(url)
    summary = f"{urlsplit(url).hostname} sent another range than was asked for"
    return RangeRefused(summary, url=shown, status=206, cause=f"{shown}: {what}")


def is_packed(response: requests.Response) -> bool:
    """Whether the body was packed on its way, which a request for ``identity`` should have prevented."""
    return response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity")


def version_of(response: requests.Response) -> str | None:
    """What ``If-Range`` may name: a strong ETag, or a time of modification that was over when the answer was made.

    RFC 9110, 13.1.5 and 8.8.2.2: within the second of the last change there may have been another.
    """
    etag = response.headers.get("ETag", "")
    if is_packed(response):  # it names what was packed
        return None
    if etag:
        return etag if etag.startswith('"') else None
    changed, now = response.headers.get("Last-Modified"), response.headers.get("Date")
    if not changed or not now:
        return None
    try:
        age = email.utils.parsedate_to_datetime(now) - email.utils.parsedate_to_datetime(changed)
        return changed if age.total_seconds() > SETTLED else None
    except (ValueError, TypeError):
        return None


def retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, which holds seconds or a date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
