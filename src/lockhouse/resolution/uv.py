"""The resolver: uv, run once as a subprocess, which answers with exact wheels and decides nothing afterwards.

uv is given generated files only, never the user's uv configuration: what pip would be told (indexes, find-links,
certificates, proxies) is what uv is told. Addresses with credentials travel in a file that only the user can read.
"""

from __future__ import annotations

import math
import os
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import tomli_w
from packaging.utils import canonicalize_name, parse_wheel_filename

from lockhouse.errors import InternalError, SubprocessFailed
from lockhouse.resolution.explaining import failure, yanked_in
from lockhouse.resolution.proof import PROJECT
from lockhouse.values import dataclass
from lockhouse.wheels.configuration import PipConfiguration, without_credentials

__all__ = ["Cut", "Preference", "Request", "Resolved", "Server", "preference", "resolve"]

UNLIMITED = 86_400
"""Seconds that stand for no time limit at all."""

TIMEOUT = 900.0
"""Seconds for one resolution. uv has its own time limits for single requests; this one ends a run that hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A package index as the resolver is told of it; ``flat`` is a folder of wheels.

    The one that is ``default`` stands in place of the resolver's own default index.
    """

    name: str
    url: str
    flat: bool = False
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Metadata to believe instead of a wheel's own: how edges of the graph are cut."""

    name: str
    version: str
    requires: tuple[str, ...]
    requires_python: str | None
    extras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """A wheel of an earlier lock, kept if the requirements still allow it."""

    name: str
    version: str
    url: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A question to the resolver.

    ``general`` serves every name that is not in ``routes``, first one first; if ``closed``, nothing else is asked.
    ``routes`` sends names to servers of ``explicit``, by name. ``strategy`` is pip's (best version of all indexes) or
    the safe one (first index that knows the name). ``hurried`` if there are mirrors to go to: then a failure is told at
    once. ``published_before`` is a time in the words of pip's option ``uploaded-prior-to``. ``python`` is the
    interpreter that the environment will be made from, ``tags`` are the wheel tags that it accepts, best first.
    """

    python: str
    release: str
    tags: tuple[str, ...]
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    general: tuple[Server, ...] = ()
    find_links: tuple[str, ...] = ()
    explicit: tuple[Server, ...] = ()
    routes: Mapping[str, str] = field(default_factory=dict)
    strategy: Literal["first-index", "unsafe-best-match"] = "first-index"
    cuts: tuple[Cut, ...] = ()
    preferences: tuple[Preference, ...] = ()
    prereleases: bool = False
    published_before: str | None = None
    dependencies: bool = True
    closed: bool = False
    hurried: bool = False
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A wheel that the resolver chose. ``sha256`` and ``size`` (bytes) are None where the index does not say.

    ``yanked`` is the reason for which the index has withdrawn it, empty where it gives none, None where it has not.
    """

    name: str
    version: str
    filename: str
    url: str
    sha256: str | None
    size: int | None
    yanked: str | None = None


def resolve(request: Request, configuration: PipConfiguration, place: Path) -> tuple[Resolved, ...]:
    """Find the wheels that satisfy a request, in name order; ``place`` is a folder for files of the moment.

    Raises ResolutionError with the resolver's explanation when there are none, NetworkError when an index did not
    answer, SubprocessFailed for everything else that ends the resolver.
    """
    with tempfile.TemporaryDirectory(prefix="resolver-", dir=place) as folder:  # mode 0700: it may hold credentials
        work = Path(folder)
        output = work / "pylock.plan.toml"
        empty = work / "empty"
        empty.mkdir()
        _write(work / "pyproject.toml", _project(request))
        _write(work / "uv.toml", _settings(request, configuration, empty))
        if request.preferences:
            _write(output, _earlier(request.preferences))
        argv = [
            *(_uv(), "pip", "compile", "pyproject.toml"),
            *("--format", "pylock.toml", "--output-file", output.name, "--config-file", "uv.toml"),
            *("--python", request.python, "--no-build", "--no-header", "--color", "never"),
            *([] if request.dependencies else ["--no-deps"]),
            *(["--offline"] if request.offline else []),
            *(["--prerelease", "allow"] if request.prereleases else []),
            *(["--exclude-newer", request.published_before] if request.published_before else []),
        ]
        try:
            ended = subprocess.run(
                argv,
                cwd=work,
                env=_environment(configuration, hurried=request.hurried),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SubprocessFailed(
                "the resolver did not finish", argv=argv, status=None, output=str(error.stderr or "")
            ) from error
        if ended.returncode != 0:
            raise failure(argv, ended.returncode, ended.stderr, request.offline)
        return _resolved(tomllib.loads(output.read_text(encoding="utf-8")), request.tags, work, yanked_in(ended.stderr))


def _uv() -> str:
    import uv

    return os.fsdecode(uv.find_uv_bin())


def _write(path: Path, data: Mapping[str, Any]) -> None:
    path.write_bytes(tomli_w.dumps(data).encode())


def _project(request: Request) -> dict[str, Any]:
    return {
        "project": {
            "name": PROJECT,
            "version": "0",
            "requires-python": f">={request.release}",
            "dependencies": list(request.requirements),
        },
        "tool": {
            "uv": {
                "index": [{**_server(server), "explicit": True} for server in request.explicit],
                "sources": {name: {"index": server} for name, server in sorted(request.routes.items())},
            }
        },
    }


def _settings(request: Request, configuration: PipConfiguration, empty: Path) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "index-strategy": request.strategy,
        "find-links": list(request.find_links),
        "constraint-dependencies": list(request.constraints),
        "allow-insecure-host": list(configuration.trusted_hosts),
        "dependency-metadata": [
            {
                "name": cut.name,
                "version": cut.version,
                "requires-dist": list(cut.requires),
                **({"requires-python": cut.requires_python} if cut.requires_python else {}),
                **({"provides-extra": list(cut.extras)} if cut.extras else {}),
            }
            for cut in request.cuts
        ],
    }
    servers = [_server(server) for server in request.general]
    if request.closed and not any(server.default for server in request.general):
        # ``no-index`` would close the explicit indexes too, which may be folders: an empty default does not. It is no
        # flat one: with that in its place, uv finds nothing in find-links if all indexes are equal.
        servers.append({"name": "nothing", "url": str(empty), "default": True})
    settings["index"] = servers
    return settings


def _server(server: Server) -> dict[str, Any]:
    described: dict[str, Any] = {"name": server.name, "url": server.url}
    if server.flat:
        described["format"] = "flat"
    if server.default:
        described["default"] = True
    return described


def _earlier(preferences: Sequence[Preference]) -> dict[str, Any]:
    packages = [
        {
            "name": item.name,
            "version": item.version,
            "wheels": [{"url": item.url, "hashes": {"sha256": item.sha256}}],
        }
        for item in preferences
    ]
    return {"lock-version": "1.0", "created-by": "lockhouse", "packages": packages}


def _environment(configuration: PipConfiguration, *, hurried: bool) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("UV_") or key == "UV_CACHE_DIR"}
    kept.pop("VIRTUAL_ENV", None)
    kept["UV_HTTP_TIMEOUT"] = str(math.ceil(configuration.timeout) or UNLIMITED)
    kept["UV_HTTP_RETRIES"] = "0" if hurried else str(configuration.retries)
    kept["UV_PYTHON_DOWNLOADS"] = "never"
    if configuration.proxy:  # the explicit choice wins over all that the environment says
        kept = {key: value for key, value in kept.items() if not key.upper().endswith("_PROXY")}
        kept |= dict.fromkeys(("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"), configuration.proxy)
    if configuration.cert:
        kept["SSL_CERT_DIR" if Path(configuration.cert).is_dir() else "SSL_CERT_FILE"] = configuration.cert
    if configuration.client_cert:
        kept["SSL_CLIENT_CERT"] = configuration.client_cert
    return kept


def _resolved(
    document: Mapping[str, Any], tags: Sequence[str], work: Path, yanked: Mapping[str, str]
) -> tuple[Resolved, ...]:
    rank = {tag: position for position, tag in enumerate(tags)}
    found = []
    for package in document.get("packages", ()):
        reason = yanked.get(f"{package['name']}=={package['version']}")
        wheels = [_wheel(wheel, package, work, reason) for wheel in package.get("wheels", ())]
        if not wheels:
            raise InternalError(f"the resolver gave no wheel for {package['name']}")
        found.append(min(wheels, key=lambda item: preference(item.filename, rank)))
    return tuple(sorted(found, key=lambda item: item.name))


def _wheel(wheel: Mapping[str, Any], package: Mapping[str, Any], work: Path, yanked: str | None) -> Resolved:
    url, path = _location(wheel, work)
    return Resolved(
        name=canonicalize_name(package["name"]),
        version=package["version"],
        filename=wheel.get("name") or unquote(urlsplit(url).path.rpartition("/")[2]),
        url=without_credentials(url),
        sha256=wheel.get("hashes", {}).get("sha256"),
        size=wheel.get("size") or (path.stat().st_size if path else None),
        yanked=yanked,
    )


def preference(filename: str, rank: Mapping[str, int]) -> tuple[int, int, str]:
    """Order wheels of one version as installers do: the most specific tag, then the highest build number.

    ``rank`` gives the place of each tag that counts, best first.
    """
    _, _, build, tags = parse_wheel_filename(filename)
    best = min((rank.get(str(tag), len(rank)) for tag in tags), default=len(rank))
    return best, -build[0] if build else 0, filename


def _location(wheel: Mapping[str, Any], work: Path) -> tuple[str, Path | None]:
    """Give a wheel's address, and its path if it lies on this machine."""
    url: str | None = wheel.get("url")
    if url is not None and not url.startswith("file:"):
        return url, None
    path = (work / wheel["path"]).absolute() if url is None else Path(url2pathname(urlsplit(url).path))
    return path.as_uri(), path
