"""Passwords of indexes that the user keeps in a keyring instead of in pip's configuration.

pip's option ``keyring-provider`` decides, as pip documents it (user guide, "Authentication"): ``import`` uses the
package ``keyring`` of this interpreter, ``subprocess`` the command of that name, ``auto`` the first of them that is
there, but only for an address that names its user. Nobody is prompted: a keyring that is locked has no answer.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote, unquote, urlsplit

from lockhouse import interruption
from lockhouse.wheels.configuration import PipConfiguration, without_credentials

__all__ = ["with_keyring"]

TIMEOUT = 30.0
"""Seconds for one question to a keyring."""

Credentials = tuple[str, str]
"""User and password."""


def with_keyring(configuration: PipConfiguration) -> PipConfiguration:
    """Return the configuration with the passwords that a keyring knows in the addresses of its indexes."""
    provider = configuration.keyring_provider
    if provider == "disabled":
        return configuration

    def known(url: str) -> str:
        return _with_password(url, provider)

    return replace(
        configuration,
        index_url=known(configuration.index_url) if configuration.index_url else None,
        extra_index_urls=tuple(map(known, configuration.extra_index_urls)),
        find_links=tuple(map(known, configuration.find_links)),
    )


def _with_password(url: str, provider: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.password is not None:
        return url
    user = unquote(parts.username) if parts.username else None
    if user is None and (provider == "auto" or _has_netrc(url)):
        return url
    found = next(_answers(url, user, provider), None)
    if found is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{quote(found[0], safe='')}:{quote(found[1], safe='')}@{host}").geturl()


def _has_netrc(url: str) -> bool:
    from requests.utils import get_netrc_auth

    return get_netrc_auth(url) is not None


def _answers(url: str, user: str | None, provider: str) -> Iterator[Credentials]:
    """Yield what keyrings know of an address, or else of its host, as pip asks them."""
    plain = without_credentials(url)
    for service in (plain, urlsplit(plain).netloc):
        if provider in ("auto", "import"):
            yield from _imported(service, user)
        if provider in ("auto", "subprocess") and user is not None:
            yield from _run(service, user)


def _imported(service: str, user: str | None) -> Iterator[Credentials]:
    interruption.have_guests()
    try:
        import keyring
    except ImportError:
        return
    try:
        found = keyring.get_credential(service, user)
    except Exception:  # noqa: BLE001  backends raise whatever they like, and none of it is a reason not to plan
        return
    if found is not None and found.password:
        yield found.username or user or "", found.password


def _run(service: str, user: str) -> Iterator[Credentials]:
    command = shutil.which("keyring")
    if command is None:
        return
    try:
        ended = subprocess.run(
            [command, "get", service, user],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    password = ended.stdout.rstrip("\r\n")
    if ended.returncode == 0 and password:
        yield user, password
