"""The environment providers that come with lockhouse, given through the same hook as a stranger's."""

from __future__ import annotations

from collections.abc import Iterable

from lockhouse.environments import EnvironmentProvider
from lockhouse.hookspecs import hookimpl

__all__ = ["lockhouse_environments"]


@hookimpl
def lockhouse_environments() -> Iterable[EnvironmentProvider]:
    """Give the providers ``venv`` and ``host``."""
    from lockhouse.environments.host import HostProvider
    from lockhouse.environments.venv import VenvProvider

    yield VenvProvider()
    yield HostProvider()
