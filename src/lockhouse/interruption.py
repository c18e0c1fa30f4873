"""Requests to end: Ctrl-C, and what the system sends (SIGTERM, SIGHUP). All of them mean the same here.

A request stops work only where that is meant: within :func:`heeded`. Everywhere else it is noted, and stops the next
work. So what a run has to say when it ends is always said, once and as a whole, and a request that got lost in
somebody's ``except`` is not forgotten. This module knows the process, which has one attention; it is the first that is
imported, and imports next to nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any, Literal, NoReturn

__all__ = ["STATUS", "Interruption", "attend", "attended", "conclude", "have_guests", "heeded", "was_interrupted"]

STATUS = 130
"""Exit status of a process that was asked to end."""

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")

PATIENCE = 1.0
"""Seconds in which asking again changes nothing: whoever presses twice is not to stop what puts work away."""

LONG_PATIENCE = 5.0
"""Seconds after which a process that has only its answer to give, and cannot, is ended at once when asked again."""

LINGERING = 10.0
"""Seconds that threads and exit functions which others have left behind may keep a process that is through."""

Attention = Literal["noting", "heeding", "leaving"]


class Interruption(KeyboardInterrupt):
    """Somebody asked to end.

    Not KeyboardInterrupt itself: CPython remembers one that passed through ``exec`` of a text, which every dataclass is
    made with, and ends the process by the signal although it was caught (``unhandled_keyboard_interrupt`` in
    Modules/main.c).
    """


class _State:
    """What this process does when it is asked to end."""

    attention: Attention = "noting"
    since = 0.0
    """When the attention began."""
    raised = float("-inf")
    """When it last raised."""
    asked = False
    guests = False
    """Whether code of others runs in this process, which may count on Python's own end: to close its files, say."""
    before: dict[int, Any] | None = None
    """Handlers that ours stand in for; None while there are none of ours."""


def attend(attention: Attention = "noting") -> bool:
    """Take requests to end from now on, and return True; False where they are taken already.

    ``leaving`` is for a process that has nothing to put away yet, and no document to give: it ends at once. With the
    first block that heeds requests that is over.
    """
    if _State.before is not None:
        return False
    _State.asked, _State.raised, _State.before = False, float("-inf"), {}
    _turn(attention)
    for number in _numbers():
        # One that is ignored (nohup, a job in the background) stays so.
        if (handler := signal.getsignal(number)) in (signal.SIG_DFL, signal.default_int_handler):
            with contextlib.suppress(ValueError):  # not the main thread: requests are somebody else's business
                signal.signal(number, _on_request)
                _State.before[number] = handler
    return True


def have_guests() -> None:
    """Let Python itself put things away at the end: others, who may count on that, run their code in this process."""
    _State.guests = True


@contextlib.contextmanager
def attended() -> Iterator[None]:
    """Take requests to end while the block runs; nothing changes where they are taken already."""
    if not attend():
        yield
        return
    try:
        yield
    finally:
        before, _State.before = _State.before or {}, None
        for number, handler in before.items():
            signal.signal(number, handler)


class heeded:  # noqa: N801 - used like a function; a generator would have more instants at which it can be left
    """Have requests to end raise Interruption while the block runs: at once if there was one before."""

    def __enter__(self) -> None:
        self._outer: Attention = "heeding" if _State.attention == "heeding" else "noting"
        if _State.asked:
            raise Interruption
        _turn("heeding")

    def __exit__(self, *_: object) -> None:
        _turn(self._outer)


def was_interrupted(error: BaseException) -> bool:
    """Whether an error is a request to end, or what became of one on its way: CPython itself wraps some exceptions."""
    chain: BaseException | None = error
    seen: set[int] = set()
    while chain is not None and not isinstance(chain, KeyboardInterrupt):
        if id(chain) in seen:  # ``raise error from error`` makes a circle
            return False
        seen.add(id(chain))
        chain = chain.__cause__ or chain.__context__
    return chain is not None


def conclude(status: int) -> NoReturn:
    """End the process with a status that nothing changes any more: from here on requests to end are ignored.

    CPython takes handlers away while it shuts down, and would then die of the signal; ignored ones stay so.
    """
    for number in _numbers():
        signal.signal(number, signal.SIG_IGN)
    if status == STATUS and _lingering():
        _flush()
        os._exit(status)  # whoever asked to end does not wait for a thread that waits for a server
    if (threading := sys.modules.get("threading")) is not None:  # else nobody has left anything behind
        threading.Thread(target=_end_at_last, args=(status,), daemon=True).start()
    if not (_State.guests or _lingering() or sys.getprofile() or sys.gettrace()):
        # Giving back one by one all objects that there are takes a tenth of a run with nothing to do.
        atexit._run_exitfuncs()
        _flush()
        os._exit(status)
    sys.exit(status)


def _end_at_last(status: int) -> None:
    """End the process that a plugin's thread, or what it wants done at the end, would keep for ever."""
    time.sleep(LINGERING)
    _flush()
    os._exit(status)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _turn(attention: Attention) -> None:
    _State.attention, _State.since = attention, time.monotonic()


def _on_request(_number: int, _frame: FrameType | None) -> None:
    now = time.monotonic()
    _State.asked = True
    if _State.attention == "heeding":
        if now - _State.raised > PATIENCE:
            _State.raised = now
            raise Interruption
    elif _State.attention == "leaving" or now - _State.since > LONG_PATIENCE:
        with contextlib.suppress(OSError):  # past all streams: one may be in the middle of something
            os.write(2, b"\x1b[?25hinterrupted\n" if os.isatty(2) else b"interrupted\n")
        os._exit(STATUS)


def _lingering() -> bool:
    """Whether there are threads that the interpreter would wait for."""
    threading = sys.modules.get("threading")
    return threading is not None and any(
        thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()
    )


def _numbers() -> Iterator[int]:
    for name in NAMES:
        if (number := getattr(signal, name, None)) is not None:
            yield number
