"""What is wanted: the manifest as a frozen value.

This module holds the value and nothing that reads files; :mod:`lockhouse.manifestfile` parses and validates. Names of
distributions are kept as written; compare them with ``canonicalize_name``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cached_property
from typing import Literal

from lockhouse.codec import digest_of, encode_essence
from lockhouse.values import dataclass

__all__ = [
    "HOST",
    "RESERVED_STAGES",
    "BlacklistEntry",
    "BuildWish",
    "Check",
    "EnvironmentWish",
    "Exclusion",
    "Index",
    "Manifest",
    "PythonWish",
    "Stage",
    "VariantWish",
    "Wish",
]

CREATE_STAGE = "create"
"""Stage of pip, setuptools and wheel: they come with the environment itself, before the manifest's first stage."""

HOST = "host"
"""Provider of environments that were there before."""

RESERVED_STAGES = frozenset({CREATE_STAGE, "variant", "default"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonWish:
    """The wanted Python; ``version`` is ``3.11`` (any patch release) or ``3.11.7`` (that one)."""

    version: str
    provider: str = "venv"
    channels: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentWish:
    """Where the environment stands; ``path`` is relative to the project, ``keep`` counts the current one too."""

    path: str = ".venv"
    keep: int = 2
    on_busy: Literal["refuse", "terminate", "ignore"] = "refuse"
    link_mode: Literal["auto", "clone", "hardlink", "copy"] = "auto"
    bytecode: Literal["purge", "seal"] = "purge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A package index; one that is ``explicit`` serves only what names it."""

    name: str
    url: str
    explicit: bool = False
    mirrors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One requirement of a stage: a PEP 508 string and how it is to be met."""

    requirement: str
    index: str | None = None
    critical: bool = False
    source: Literal["wheel", "build", "conda"] = "wheel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Python code that must run without an exception in the environment's interpreter; ``timeout`` in seconds.

    ``requires`` names an accelerator namespace (``cuda``); elsewhere the check is skipped and recorded as unproven.
    ``needs`` is for plugins: canonical names of distributions; a check of an accelerator is left out where one of them
    is not planned, because there is nothing to prove.
    """

    name: str
    run: str
    stage: str | None = None
    critical: bool = True
    requires: str | None = None
    timeout: float = 300.0
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A step of the installation; ``checks`` run right after it, ``when`` is a PEP 508 environment marker."""

    name: str
    requirements: tuple[Wish, ...]
    index: str | None = None
    checks: tuple[Check, ...] = ()
    optional: bool = False
    when: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantWish:
    """A build for one accelerator: its index (name or URL) and the requirements that differ in it, by name.

    ``policy`` says when a machine supports it: by the strict rules of its accelerator, or also by the lenient ones.
    """

    name: str
    index: str | None = None
    requirements: Mapping[str, Wish] = field(default_factory=dict)
    python: str | None = None
    policy: Literal["strict", "relaxed"] = "strict"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlacklistEntry:
    """Versions of a distribution that are refused, always or only when the plan meets the requirement ``when``."""

    requirement: str
    when: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """An edge of the dependency graph that does not exist: ``distribution`` does not bring ``dependency``."""

    distribution: str
    dependency: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildWish:
    """Settings for building one distribution from source."""

    env: Mapping[str, str] = field(default_factory=dict)
    config_settings: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything that is wanted. Stages, variants and indexes keep the order of the file."""

    name: str
    version: str | None = None
    description: str | None = None
    python: PythonWish
    environment: EnvironmentWish = EnvironmentWish()
    indexes: tuple[Index, ...] = ()
    variants: tuple[VariantWish, ...] = ()
    stages: tuple[Stage, ...]
    closure: Literal["resolved", "explicit"] = "resolved"
    blacklist: tuple[BlacklistEntry, ...] = ()
    exclude: tuple[Exclusion, ...] = ()
    protect: tuple[str, ...] = ()
    build: Mapping[str, BuildWish] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    published: str | None = None

    @cached_property
    def digest(self) -> str:
        """Identity of the content: sha256 of the canonical JSON, equal for the JSON and the TOML form.

        What holds its default does not count: a lock outlives fields that later versions of lockhouse add.
        """
        return digest_of(encode_essence(self))

    @property
    def hosted(self) -> bool:
        """Whether it adds to an environment that was there before, instead of having one of its own."""
        return self.python.provider == HOST

    def variant(self, name: str) -> VariantWish | None:
        """The variant of that name, or None."""
        return next((variant for variant in self.variants if variant.name == name), None)

    def stage(self, name: str) -> Stage | None:
        """The stage of that name, or None."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def index(self, name: str) -> Index | None:
        """The index of that name, or None."""
        return next((index for index in self.indexes if index.name == name), None)

    def python_version(self, variant: str) -> str:
        """The Python version wanted in a variant."""
        wish = self.variant(variant)
        return (wish.python if wish else None) or self.python.version
