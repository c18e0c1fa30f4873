"""Where plugins come from: entry points of installed distributions, and files of the project.

Finding a plugin runs none of its code; a :class:`Candidate` is loaded by :mod:`lockhouse.plugins`, one at a time, so
that one that cannot be loaded does not take the others with it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from lockhouse.registry import Registered, registered
from lockhouse.values import dataclass

__all__ = ["GROUP", "PROVIDERS", "Candidate", "Origin", "entry_point_plugins", "load_file", "project_plugins"]

GROUP = "lockhouse.v1"
PROVIDERS = "variant_plugins"
"""The group of variant providers (PEP 817, a draft): each is a plugin that gives one accelerator."""

DISTRIBUTION = "lockhouse"

Origin = Literal["built-in", "entry-point", "project"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A plugin that was found and not yet loaded; ``load`` imports it and may raise anything."""

    name: str
    version: str
    distribution: str
    origin: Origin
    load: Callable[[], object]


def entry_point_plugins() -> Iterator[Candidate]:
    """Give what installed distributions register, those of lockhouse first, then by name and distribution."""
    found = list(registered(GROUP, PROVIDERS))
    for item in sorted(found, key=lambda item: (item.distribution != DISTRIBUTION, item.name, item.distribution)):
        yield Candidate(
            name=item.name,
            version=item.version,
            distribution=item.distribution,
            origin="built-in" if item.distribution == DISTRIBUTION else "entry-point",
            load=item.load if item.group == GROUP else partial(_provider, item),
        )


def _provider(item: Registered) -> object:
    from lockhouse.providers import ProviderPlugin

    return ProviderPlugin(item)


def project_plugins(folder: Path) -> Iterator[Candidate]:
    """Give the ``*.py`` files of a project's plugin folder; packages in it are not plugins."""
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*.py")):
        if not path.is_file() or path.name.startswith(("_", ".")):
            continue
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        except OSError:
            digest = "unreadable"
        yield Candidate(
            name=path.stem,
            version=f"sha256:{digest}",
            distribution=f"plugins/{path.name}",
            origin="project",
            load=lambda path=path: load_file(path),  # type: ignore[misc]
        )


def load_file(path: Path) -> object:
    """Import a file as a module that has no name of its own."""
    name = f"_lockhouse_project_plugin_{hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:8]}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles of the plugin look their module up by name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
