"""The plugins that listen to events: each stranger hears them in a thread of its own, so that nobody waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from lockhouse.confinement import confined
from lockhouse.events import Event
from lockhouse.hookspecs import ANSWER_LIMIT
from lockhouse.patience import Audience
from lockhouse.vetting import describe_error

if TYPE_CHECKING:
    import pluggy

    from lockhouse.hooktrace import Trace

__all__ = ["EVENT", "Listeners"]

EVENT = "lockhouse_event"


class Listeners:
    """Who listens. ``at_once`` says of a plugin that it hears each event before anything else happens.

    ``report`` takes a plugin and what is wrong with its listening.
    """

    def __init__(
        self,
        implementations: Sequence[pluggy.HookImpl],
        at_once: Callable[[str], bool],
        report: Callable[[str, str], object],
        trace: Trace,
    ) -> None:
        self._implementations = implementations
        self._at_once = at_once
        self._report = report
        self._trace = trace
        self._audiences: dict[str, Audience] = {}
        self._heard: dict[str, tuple[int, float]] = {}

    def tell(self, event: Event) -> None:
        """Pass an event on."""
        for implementation in self._implementations:
            plugin = implementation.plugin_name
            if self._at_once(plugin):
                self._hear(implementation, event)
                continue
            if plugin not in self._audiences:
                give_up = partial(self._report, plugin)
                self._audiences[plugin] = Audience(partial(self._hear, implementation), ANSWER_LIMIT, give_up)
            self._audiences[plugin].tell(event)

    def close(self) -> None:
        """Wait, within limits, until everybody has heard everything; then say how long that took."""
        for audience in self._audiences.values():
            audience.close()
        for plugin, (count, seconds) in self._heard.items():
            self._trace.took(plugin, EVENT, seconds, f"heard {count} event{'s' * (count != 1)}")
        self._heard.clear()

    def _hear(self, implementation: pluggy.HookImpl, event: Event) -> None:
        plugin = implementation.plugin_name
        started = time.perf_counter()
        try:
            with confined():
                implementation.function(*[event for _ in implementation.argnames])
        except Exception as error:  # noqa: BLE001  a stranger's code
            self._report(plugin, f"raised {describe_error(error)}")
        count, seconds = self._heard.get(plugin, (0, 0.0))
        self._heard[plugin] = count + 1, seconds + time.perf_counter() - started
