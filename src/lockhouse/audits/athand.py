"""What is at hand: the versions of a distribution that this project has met, known without asking any index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from lockhouse.errors import LockhouseError
from lockhouse.lockfile import recall_lock
from lockhouse.plan import Plan
from lockhouse.steps import Context
from lockhouse.wheels.wheelhouse import Wheelhouse

__all__ = ["AtHand"]


class AtHand:
    """Versions in the wheelhouse that fit the target, and those of the lock; looked up when first asked for."""

    def __init__(self, context: Context, plan: Plan, tags: tuple[str, ...]) -> None:
        self._context = context
        self._plan = plan
        self._tags = frozenset(tags)

    def __call__(self, name: str) -> tuple[str, ...]:
        """Give the versions of a distribution by its canonical name, in no order."""
        return tuple(self._versions.get(name, ()))

    @cached_property
    def _versions(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for name, version in (*self._held(), *self._locked()):
            found.setdefault(name, set()).add(version)
        return found

    def _held(self) -> Iterator[tuple[str, str]]:
        for path in Wheelhouse(self._context.project.wheelhouse).files():
            with suppress(InvalidWheelFilename):
                name, version, _, tags = parse_wheel_filename(path.name)
                if any(str(tag) in self._tags for tag in tags):
                    yield name, str(version)

    def _locked(self) -> Iterator[tuple[str, str]]:
        target, project = self._plan.target, self._context.project
        path = project.lock(target.variant, target.platform, target.python_tag)
        with suppress(LockhouseError):  # a lock that cannot be used is told of where it is needed
            lock = recall_lock(path, project.lock_memory, name=self._plan.name, variant=target.variant)
            for item in lock.distributions if lock else ():
                yield item.name, item.version
