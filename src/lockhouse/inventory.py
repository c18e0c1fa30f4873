"""What an existing environment holds: the environment of a notebook host, a container, a system.

A value and nothing that reads files; :mod:`lockhouse.hosts` takes an inventory. Paths are absolute and as the host's
own interpreter spells them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cached_property
from typing import Literal

from lockhouse.codec import digest_of
from lockhouse.host import Interpreter
from lockhouse.names import canonical_name
from lockhouse.values import dataclass

__all__ = ["HostDistribution", "HostProblem", "Inventory", "Site"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A folder that is imported from.

    ``kind``: ``site`` is one of the interpreter's own folders for distributions, ``user`` the user's, ``path`` what a
    ``.pth`` file added.
    """

    path: str
    kind: Literal["site", "user", "path"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDistribution:
    """A distribution that is there. ``name`` is canonical; ``site`` is the folder that it is imported from.

    ``metadata`` is the path of its ``.dist-info`` or ``.egg-info``. ``installer`` is who put it there by its own words
    (``pip``, ``conda``, ``lockhouse``), None where nobody says so, as with packages of the system. ``requested``:
    somebody asked for it (PEP 376); ``origin`` is the address it was installed from, where that was no index (PEP 610).
    ``requires`` are its requirements as lines of ``Requires-Dist``. ``imports`` are the names that it provides, with
    dots below namespace packages. ``record`` is the sha256 of its RECORD and ``files`` the number of lines in it; None
    without one: then nobody can tell which files are its.
    """

    name: str
    version: str
    site: str
    metadata: str
    installer: str | None = None
    requested: bool = False
    editable: bool = False
    origin: str | None = None
    requires_python: str | None = None
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    record: str | None = None
    files: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostProblem:
    """Something about the host that is not as it should be. ``distribution`` is canonical, empty where none is meant.

    ``code`` is stable: ``duplicate`` (there more than once; the first counts), ``no-metadata``, ``unreadable-metadata``
    (the distribution cannot be told, and is not listed), ``no-record``, ``leftover`` (of an installation by pip that
    was cut off), ``archive`` (imported from, and not looked into), ``unreadable-folder``.
    """

    code: Literal[
        "duplicate", "no-metadata", "unreadable-metadata", "no-record", "leftover", "archive", "unreadable-folder"
    ]
    path: str
    distribution: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """An environment as it is found. ``sites`` and ``distributions`` stand in the order of ``sys.path``.

    ``interpreter`` is the environment's own. ``places`` says where a wheel's files would go (``purelib``, ``platlib``,
    ``scripts``, ``data``, ``headers``). ``base`` is the prefix of the installation that a virtual environment stands
    on, the same as ``prefix`` outside of one; ``standard`` is the folder of its standard library. ``managed`` is what
    the owner of an externally managed environment has to say (PEP 668), None for one that is not. ``fingerprint``
    changes when the folders do; it is no part of the digest.
    """

    interpreter: Interpreter
    prefix: str
    base: str
    standard: str
    places: Mapping[str, str]
    managed: str | None
    sites: tuple[Site, ...]
    distributions: tuple[HostDistribution, ...]
    problems: tuple[HostProblem, ...]
    fingerprint: str

    @cached_property
    def digest(self) -> str:
        """Identity of all that was found."""
        return digest_of({item.name: getattr(self, item.name) for item in fields(self) if item.name != "fingerprint"})

    @cached_property
    def effective(self) -> Mapping[str, HostDistribution]:
        """The distributions that count, by canonical name: of several with one name the first is imported."""
        found: dict[str, HostDistribution] = {}
        for item in self.distributions:
            found.setdefault(item.name, item)
        return found

    def distribution(self, name: str) -> HostDistribution | None:
        """The distribution of that name, in any spelling, that is imported; None if there is none."""
        return self.effective.get(canonical_name(name))
