"""What PyTorch publishes and how a build of it is proven: what the accelerators that it is built for have in common."""

from __future__ import annotations

from collections.abc import Iterator

from lockhouse.errors import Hint, LockhouseError
from lockhouse.hookspecs import hookimpl

__all__ = ["lockhouse_hints"]


@hookimpl
def lockhouse_hints(error: LockhouseError) -> Iterator[Hint]:
    """Say for which toolkits there are builds of a torch release that could not be found."""
    if error.code == "resolution":
        from lockhouse_pytorch.builds import builds_hint

        text = builds_hint("\n".join((error.summary, error.cause or "")))
        if text is not None:
            yield Hint("torch-builds", text)
