"""Time limits for plugins: whoever does not answer in time is given up on, and the run goes on without them.

Python cannot end a function that does not return: it is called in a thread that is left behind, and that the
interpreter does not wait for when it ends. What takes long because it is work (a step, the making of an environment)
has no limit. What else it must not do to its caller is the business of :mod:`lockhouse.confinement`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

from lockhouse.confinement import confined
from lockhouse.events import Event

if TYPE_CHECKING:
    from queue import SimpleQueue

__all__ = ["Audience", "Overrun", "Patience"]

T = TypeVar("T")


class Overrun(Exception):
    """A plugin did not answer in time, now or earlier in this run."""


class Patience:
    """How long one plugin may take. Who has been waited for in vain is not asked again.

    Without ``limited`` it may take as long as it takes, and is called directly.
    """

    def __init__(self, plugin: str, *, limited: bool) -> None:
        self.plugin = plugin
        self.limited = limited
        self._exhausted: str | None = None

    def call(self, function: Callable[[], T], limit: float) -> T:
        """Return what a function returns, and raise what it raises; Overrun after ``limit`` seconds.

        Of a plugin with limits only Exceptions come: what would end the process becomes a Quit.
        """
        if not self.limited:
            return function()
        if self._exhausted is not None:
            raise Overrun(self._exhausted)
        answers: list[T] = []
        errors: list[Exception] = []

        def run() -> None:
            try:
                with confined():
                    answers.append(function())
            except Exception as error:  # noqa: BLE001  it belongs to whoever asked
                errors.append(error)

        thread = threading.Thread(target=copy_context().run, args=(run,), name=f"plugin {self.plugin}", daemon=True)
        thread.start()
        thread.join(limit)
        if errors:
            raise errors[0]
        if answers:
            return answers[0]
        self._exhausted = f"it gave no answer within {limit:g} seconds"
        raise Overrun(self._exhausted)


class Audience:
    """Tells one plugin of events, in order, in a thread of its own: whoever emits them never waits.

    ``hear`` is the plugin's listener, ``limit`` the seconds that it may take for one event, ``give_up`` is called with
    the reason when it took longer; from then on it is told nothing.
    """

    def __init__(self, hear: Callable[[Event], object], limit: float, give_up: Callable[[str], object]) -> None:
        from queue import SimpleQueue

        self._hear = hear
        self._limit = limit
        self._give_up = give_up
        self._waiting: SimpleQueue[Event | None] = SimpleQueue()
        self._since: float | None = None
        self._left = False
        self._thread: threading.Thread | None = None

    def tell(self, event: Event) -> None:
        """Have the plugin hear of an event soon."""
        since = self._since
        if self._left:
            return
        if since is not None and time.monotonic() - since > self._limit:
            self._leave(f"took longer than {self._limit:g} seconds for one event")
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._listen, name="plugin's listener", daemon=True)
            self._thread.start()
        self._waiting.put(event)

    def close(self) -> None:
        """Wait until the plugin has heard everything, for all that together as long as for one event."""
        if self._left or self._thread is None:
            return
        self._waiting.put(None)
        self._thread.join(self._limit)
        if self._thread.is_alive():
            self._leave(f"had not heard of everything {self._limit:g} seconds after the end")
        self._left = True

    def _listen(self) -> None:
        while (event := self._waiting.get()) is not None and not self._left:
            self._since = time.monotonic()
            self._hear(event)
            self._since = None

    def _leave(self, reason: str) -> None:
        self._left = True
        self._give_up(reason)
