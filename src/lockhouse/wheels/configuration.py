"""The user's pip configuration: which indexes, certificates and proxies they have already chosen.

Read the way pip documents it (pip user guide, "Configuration Files"), without pip: environment variables over files,
the command's section over ``[global]``, and of the files the more specific one. Nothing here has an index of its own:
where the user configured none, ``index_url`` is None.
"""

from __future__ import annotations

import configparser
import ntpath
import os
import posixpath
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from lockhouse.errors import Hint, UsageError
from lockhouse.values import dataclass

__all__ = [
    "PipConfiguration",
    "configuration_files",
    "credentials_for",
    "read_pip_configuration",
    "shown_url",
    "without_credentials",
]

SECTIONS = ("global", "install", "download")
"""Later sections win, wherever they stand: pip looks at ``[global]`` first and at the command's section after it."""

ALIASES = {"default-timeout": "timeout", "pypi-url": "index-url"}
UNHEEDED = {
    "no-binary": "only wheels are planned",
    "no-deps": "the manifest decides, with closure",
    "ignore-requires-python": "a wheel for another Python is never planned",
    "python-version": "the manifest decides, with python.version",
    "platform": "plans are for the machine that makes them",
    "abi": "the interpreter decides",
    "implementation": "the interpreter decides",
}
"""Options of pip that would change what is planned if we followed them, each with why we do not."""

KEYRINGS = ("auto", "disabled", "import", "subprocess")
"""What ``keyring-provider`` may be, the default first."""

TRUE = frozenset({"y", "yes", "t", "true", "on", "1"})
FALSE = frozenset({"n", "no", "f", "false", "off", "0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PipConfiguration:
    """What the user configured. URLs may carry credentials; ``timeout`` in seconds for connecting and each read.

    ``cert`` is a bundle of certificate authorities, ``client_cert`` a PEM file with key and certificate; None leaves
    the choice to requests. ``constraints`` are files or pages, ``uploaded_prior_to`` is a time in pip's words.
    ``unheeded`` are sentences about options that are set and do not count for us.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    timeout: float = 15.0
    retries: int = 5
    constraints: tuple[str, ...] = ()
    pre: bool = False
    uploaded_prior_to: str | None = None
    break_system_packages: bool = False
    keyring_provider: str = "auto"
    unheeded: tuple[str, ...] = ()

    @property
    def indexes(self) -> tuple[str, ...]:
        """The configured indexes in pip's order; empty under ``no-index``."""
        if self.no_index:
            return ()
        return tuple(dict.fromkeys((*((self.index_url,) if self.index_url else ()), *self.extra_index_urls)))


def read_pip_configuration(
    environ: Mapping[str, str] = os.environ,
    *,
    platform: str = sys.platform,
    prefix: str = sys.prefix,
    root: str = "/",
) -> PipConfiguration:
    """Read the configuration that pip would use in this environment; raise UsageError with the file if it is broken.

    ``prefix`` is that of the interpreter whose environment may have a file of its own; ``root`` is where ``etc`` and
    ``Library`` lie.
    """
    chosen: dict[str, str] = {}
    merged: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for path in configuration_files(environ, platform=platform, prefix=prefix, root=root):
        for section, values in _read(path).items():
            merged[section].update(values)
    for section in SECTIONS:
        chosen.update(merged[section])
    chosen.update(_variables(environ))
    return PipConfiguration(
        index_url=chosen.get("index-url"),
        extra_index_urls=_words(chosen, "extra-index-url"),
        find_links=tuple(_expanded(place) for place in _words(chosen, "find-links")),
        no_index=_truth(chosen, "no-index"),
        cert=_certificates(chosen, environ),
        client_cert=_path(chosen.get("client-cert")),
        proxy=chosen.get("proxy"),
        trusted_hosts=_words(chosen, "trusted-host"),
        timeout=_number(chosen, "timeout", 15.0),
        retries=int(_number(chosen, "retries", 5)),
        constraints=tuple(_expanded(place) for place in _words(chosen, "constraint")),
        pre=_truth(chosen, "pre"),
        uploaded_prior_to=chosen.get("uploaded-prior-to"),
        break_system_packages=_truth(chosen, "break-system-packages"),
        keyring_provider=_one_of(chosen, "keyring-provider", KEYRINGS),
        unheeded=tuple(_unheeded(chosen)),
    )


def configuration_files(
    environ: Mapping[str, str], *, platform: str = sys.platform, prefix: str = sys.prefix, root: str = "/"
) -> tuple[str, ...]:
    """Where pip looks for configuration files on a platform, least specific first; few of them exist.

    ``PIP_CONFIG_FILE`` comes last and, where it exists, stands in for the user's files; the null device stands in for
    all files.
    """
    chosen = environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return ()
    join = ntpath.join if platform == "win32" else posixpath.join
    system, user = _windows(environ) if platform == "win32" else _posix(environ, platform, root)
    site = join(prefix, "pip.ini" if platform == "win32" else "pip.conf")
    files = list(system)
    if not (chosen and Path(chosen).exists()):
        files += user
    files.append(site)
    if chosen:
        files.append(chosen)
    return tuple(files)


def without_credentials(url: str) -> str:
    """Return a URL without user and password; paths and URLs without any come back unchanged."""
    if "@" not in url or "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def shown_url(url: str) -> str:
    """Return a URL as it may stand in messages: no credentials, and no query, which may hold a signature."""
    if "://" not in url:
        return url
    parts = urlsplit(without_credentials(url))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def credentials_for(url: str, indexes: Iterable[str]) -> tuple[str, str] | None:
    """Find user and password for a URL: its own, else those of an index at the same scheme, host and port, else netrc.

    Credentials never travel to another origin: a file host that needs them has its own entry in ``~/.netrc``.
    """
    own = _userinfo(url)
    if own is not None:
        return own
    origin = _origin(url)
    for index in indexes:
        if (known := _userinfo(index)) is not None and _origin(index) == origin:
            return known
    from requests.utils import get_netrc_auth

    return get_netrc_auth(url)


def _posix(environ: Mapping[str, str], platform: str, root: str) -> tuple[list[str], list[str]]:
    home = environ.get("HOME") or str(Path("~").expanduser())
    legacy = posixpath.join(home, ".pip", "pip.conf")
    xdg = posixpath.join(environ.get("XDG_CONFIG_HOME") or posixpath.join(home, ".config"), "pip", "pip.conf")
    if platform == "darwin":
        library = posixpath.join(home, "Library", "Application Support", "pip")
        user = posixpath.join(library, "pip.conf") if Path(library).is_dir() else xdg
        return [posixpath.join(root, "Library", "Application Support", "pip", "pip.conf")], [legacy, user]
    folders = [
        folder for folder in (environ.get("XDG_CONFIG_DIRS") or posixpath.join(root, "etc", "xdg")).split(":") if folder
    ]
    system = [posixpath.join(folder, "pip", "pip.conf") for folder in folders]
    return [*system, posixpath.join(root, "etc", "pip.conf")], [legacy, xdg]


def _windows(environ: Mapping[str, str]) -> tuple[list[str], list[str]]:
    system = ntpath.join(environ.get("PROGRAMDATA") or "C:\\ProgramData", "pip", "pip.ini")
    user = []
    if home := environ.get("USERPROFILE") or environ.get("HOME"):
        user.append(ntpath.join(home, "pip", "pip.ini"))
    if roaming := environ.get("APPDATA"):
        user.append(ntpath.join(roaming, "pip", "pip.ini"))
    return [system], user


def _read(path: str) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError) as error:
        # The parser quotes the line that it does not understand, and that line may hold a password.
        line = getattr(error, "lineno", None) or next((number for number, _ in getattr(error, "errors", ())), None)
        where = f", line {line}" if line else ""
        reason = error.strerror if isinstance(error, OSError) else "is not in the form that pip reads"
        raise UsageError(
            "the configuration of pip cannot be read",
            cause=f"{path}{where}: {reason}",
            hints=[Hint("mend-pip-configuration", "mend the file, or set PIP_CONFIG_FILE to another one")],
        ) from None
    found = {}
    for section in SECTIONS:
        if parser.has_section(section):
            found[section] = {_key(key): value.strip() for key, value in parser.items(section) if value.strip()}
    return found


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        _key(name.removeprefix("PIP_")): value.strip()
        for name, value in environ.items()
        if name.startswith("PIP_") and value.strip()
    }


def _key(name: str) -> str:
    key = name.lower().replace("_", "-").removeprefix("--")
    return ALIASES.get(key, key)


def _words(chosen: Mapping[str, str], key: str) -> tuple[str, ...]:
    return tuple(chosen.get(key, "").split())


def _truth(chosen: Mapping[str, str], key: str) -> bool:
    value = chosen.get(key, "no").lower()
    if value not in TRUE | FALSE:
        raise UsageError(f"pip's option {key} must be true or false", cause=f"it is {value!r}")
    return value in TRUE


def _one_of(chosen: Mapping[str, str], key: str, values: tuple[str, ...]) -> str:
    value = chosen.get(key, values[0])
    if value not in values:
        raise UsageError(f"pip's option {key} must be one of {', '.join(values)}", cause=f"it is {value!r}")
    return value


def _number(chosen: Mapping[str, str], key: str, default: float) -> float:
    value = chosen.get(key)
    try:
        number = float(value) if value is not None else default
    except ValueError as error:
        raise UsageError(f"pip's option {key} must be a number", cause=f"it is {value!r}") from error
    if not 0 <= number < float("inf"):
        raise UsageError(f"pip's option {key} must be zero or more", cause=f"it is {value!r}")
    return number


def _unheeded(chosen: Mapping[str, str]) -> Iterator[str]:
    for key, reason in UNHEEDED.items():
        value = chosen.get(key, "")
        if value and value.lower() not in {*FALSE, ":none:"}:
            yield f"pip's option {key} ({' '.join(value.split())}) does not count: {reason}"


def _certificates(chosen: Mapping[str, str], environ: Mapping[str, str]) -> str | None:
    """Pip's own option, else the variables that requests knows, else the one that OpenSSL and its users know."""
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    variables = (environ.get(name) for name in names)
    return _path(chosen.get("cert") or next((value for value in variables if value), None))


def _path(value: str | None) -> str | None:
    return str(Path(value).expanduser()) if value else None


def _expanded(place: str) -> str:
    return str(Path(place).expanduser()) if place.startswith("~") else place


def _userinfo(url: str) -> tuple[str, str] | None:
    parts = urlsplit(url)
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
