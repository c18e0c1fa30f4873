"""Where a published manifest can be read when its host refuses: one that many ask answers 403 and 429 to all."""

from __future__ import annotations

import re

__all__ = ["addresses_of"]

RAW = re.compile(r"https://raw\.githubusercontent\.com/([^/]+)/([^/]+)/(?:refs/(?:heads|tags)/)?([^/]+)/(.+)")
PAGE = re.compile(r"https://github\.com/([^/]+)/([^/]+)/(?:blob|raw)/(?:refs/(?:heads|tags)/)?([^/]+)/(.+)")


def addresses_of(url: str) -> tuple[str, ...]:
    """Give an address and those that serve the same file, the first choice first.

    Files of a repository at GitHub are served by jsDelivr as well (https://www.jsdelivr.com/documentation, "GitHub");
    of the page that shows a file, only the raw file can be read.
    """
    for pattern in (RAW, PAGE):
        if match := pattern.fullmatch(url):
            owner, name, reference, path = match.groups()
            raw = f"https://raw.githubusercontent.com/{owner}/{name}/{reference}/{path}"
            return raw, f"https://cdn.jsdelivr.net/gh/{owner}/{name}@{reference}/{path}"
    return (url,)
