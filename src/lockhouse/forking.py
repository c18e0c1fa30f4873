"""Helpers: copies of this process that do a part of its work, and answer through a pipe.

A request to end (Ctrl-C, SIGTERM, SIGHUP) may come at any instant, and raises. So that nobody is at work of whom this
process does not know, requests wait while helpers come and go.
"""

from __future__ import annotations

import atexit
import contextlib
import marshal
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from weakref import WeakSet

__all__ = ["Helpers", "beside", "can_fork", "quiet", "see_ended", "undisturbed"]

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Requests to end."""

LENGTH = 8
"""Bytes that tell how long an answer is: a shorter one broke off."""

QUIET = 0.2
"""Seconds that a thread of ours may take to come to rest: one may wait for a terminal that somebody has stopped."""

quiet = threading.Lock()
"""Whoever holds it knows that no thread of :func:`beside` does anything but wait."""

_beside: WeakSet[threading.Thread] = WeakSet()

_ending: set[int] = set()
"""Helpers that have answered, and whose end has not been seen."""


class _Helper(NamedTuple):
    """A forked process, and where its answer comes from."""

    process: int
    answer: int


class Helpers:
    """Helpers at work, none to begin with. Whoever starts some ends them, whatever happens in between."""

    def __init__(self) -> None:
        self._at_work: list[_Helper] = []

    def start(self, job: Callable[[], object], count: int) -> None:
        """Have ``count`` helpers do ``job``, or fewer, where the system has no more or a thread does not come to rest.

        What it gives must be what :mod:`marshal` can write, and must not be an array, which would come back as bytes.
        """
        with undisturbed() as before:
            if not quiet.acquire(timeout=QUIET):
                return
            try:
                with contextlib.suppress(OSError):
                    for _ in range(count):
                        self._at_work.append(_fork(job, before))
            finally:
                quiet.release()

    def answers(self) -> Iterator[Any]:
        """Wait for the helpers; give what the job of each gave. Of one that did not come to its end there is nothing.

        Raises TypeError for an answer that cannot be handed over.
        """
        while self._at_work:
            helper = self._at_work[-1]
            data = memoryview(_read(helper.answer))
            whole = len(data) > LENGTH and int.from_bytes(data[:LENGTH], "little") == len(data) - LENGTH
            with undisturbed():
                self._at_work.pop()
                os.close(helper.answer)
                if whole:
                    _ending.add(helper.process)  # it has but to give its memory back, which takes milliseconds
                else:
                    _wait(helper.process)
            if whole:
                told = marshal.loads(data[LENGTH:])  # noqa: S302 - written by a copy of this process
                if not told:
                    raise TypeError("a helper's answer is none that marshal can write")
                yield told[0]

    def end(self) -> None:
        """Kill those whose answer was not waited for; none of them does anything any more."""
        with undisturbed():
            while self._at_work:
                helper = self._at_work.pop()
                os.close(helper.answer)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(helper.process, signal.SIGKILL)
                _wait(helper.process)
            see_ended(wait=False)


def can_fork() -> bool:
    """Whether this process may be forked: not beside threads of others, which could hold locks for ever in the copy.

    Nor on macOS, whose own libraries must not be used in a forked process.
    """
    if sys.platform != "linux":
        return False
    return threading.active_count() - sum(thread.is_alive() for thread in _beside) == 1


def beside(work: Callable[[], object]) -> threading.Thread:
    """Start a thread beside which processes are forked all the same.

    Whatever it does, it does while it holds :data:`quiet`: so no lock, not even one of a library, is held by it when a
    process is forked, in whose copy it would stay locked for ever. It does not keep the process from ending.
    """
    thread = threading.Thread(target=work, daemon=True)
    _beside.add(thread)
    # It has the mask of who starts it: no signal reaches this process through it while others wait.
    with undisturbed():
        thread.start()
    return thread


@contextlib.contextmanager
def undisturbed() -> Iterator[set[Any]]:
    """Let requests to end wait until the block is left, where the system can. Gives the signals that waited before."""
    if sys.platform == "win32":
        yield set()
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def see_ended(*, wait: bool = True) -> None:
    """Take note of the end of helpers that have answered; ``wait`` until all have ended, which takes milliseconds."""
    for process in tuple(_ending):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(process, 0 if wait else os.WNOHANG) == (0, 0):
                continue
        _ending.discard(process)


if sys.platform != "win32":
    atexit.register(see_ended)  # nobody else may be there to do it: in a container, say


def _fork(job: Callable[[], object], mask: set[Any]) -> _Helper:
    answer, telling = os.pipe()
    try:
        process = os.fork()
    except OSError:
        os.close(answer)
        os.close(telling)
        raise
    if process:
        os.close(telling)
        return _Helper(process, answer)
    # The copy: it must not come back to where it was called from, whatever happens.
    try:
        quiet.release()
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(answer)
        data = _written(job())
        view = memoryview(len(data).to_bytes(LENGTH, "little") + data)
        while view:
            view = view[os.write(telling, view) :]
        # Who has the answer may give locks back at once: no copy of them is to be open any more.
        _close_all_but(telling)
        os.close(telling)
        os._exit(0)
    finally:
        os._exit(1)


def _written(answer: Any) -> bytes:
    try:
        return marshal.dumps((answer,))
    except ValueError:
        return marshal.dumps(())


def _read(handle: int) -> bytes:
    blocks = []
    while block := os.read(handle, 1 << 20):
        blocks.append(block)
    return b"".join(blocks)


def _wait(process: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process, 0)


def _close_all_but(kept: int) -> None:
    """Close every file but one. Those that there may be are a thousand millions in some containers."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        if int(name) != kept:
            with contextlib.suppress(OSError):
                os.close(int(name))
