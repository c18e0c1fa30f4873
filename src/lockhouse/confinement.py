"""While a stranger's code runs in this process: what it must not do to whoever called it.

It may end itself, but not the process; a copy of the process that it leaves behind does not go on as lockhouse; the
standard streams, the working directory and what can be imported are afterwards what they were. It cannot close the
streams' descriptors; that the streams themselves stay open is the business of :mod:`lockhouse.terminal.streams`. This
is no wall against malice: a plugin is code that somebody chose to install, and a signal, or a fault in a compiled
extension, still ends everything.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn

__all__ = ["Quit", "confined"]

STANDARD = range(3)
"""Descriptors of the standard streams. The next file that is opened would take the number of one that is closed."""


class Quit(Exception):
    """A plugin raised, or did, what would have ended the process; the text says what."""


class _StandIns:
    """Stand in for calls by which a guest would end the process or close its streams, while any thread is confined."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: list[int] = []
        self._end: Callable[[int], NoReturn] = os._exit
        self._close = os.close
        self._close_range = os.closerange
        self.process = os.getpid()

    def enter(self) -> None:
        with self._lock:
            if not self._threads:
                self._end, self._close, self._close_range = os._exit, os.close, os.closerange
                self.process = os.getpid()
                os._exit, os.close, os.closerange = self._asked_to_end, self._asked_to_close, self._asked_to_close_range
            self._threads.append(threading.get_ident())

    def leave(self) -> None:
        with self._lock:
            self._threads.remove(threading.get_ident())
            if not self._threads:
                os._exit = self._end  # type: ignore[assignment]
                os.close, os.closerange = self._close, self._close_range

    def end(self, status: int) -> NoReturn:
        self._end(status)

    def _asked_to_end(self, status: int) -> NoReturn:
        if self._is_guest():
            raise Quit(f"os._exit({status})")
        self._end(status)

    def _asked_to_close(self, fd: int) -> None:
        if fd not in STANDARD or not self._is_guest():
            self._close(fd)

    def _asked_to_close_range(self, fd_low: int, fd_high: int, /) -> None:
        self._close_range(max(fd_low, len(STANDARD)) if self._is_guest() else fd_low, fd_high)

    def _is_guest(self) -> bool:
        # A child that the plugin forked may do as it likes, and so may whoever else is in this process.
        return os.getpid() == self.process and threading.get_ident() in self._threads


_stand_ins = _StandIns()


@contextlib.contextmanager
def confined() -> Iterator[None]:
    """Run a stranger's code; whatever it raises that is no Exception becomes a :class:`Quit`.

    Only an interruption in the main thread stays one: there somebody may have pressed a key.
    """
    streams = sys.stdin, sys.stdout, sys.stderr
    directory = _directory()
    path, depth = list(sys.path), sys.getrecursionlimit()
    process = os.getpid()
    _stand_ins.enter()
    try:
        yield
    except Exception:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
            raise
        text = str(error).strip().partition("\n")[0]
        raise Quit(f"{type(error).__name__}: {text}" if text else type(error).__name__) from error
    finally:
        if os.getpid() != process:
            _stand_ins.end(0)
        _stand_ins.leave()
        sys.stdin, sys.stdout, sys.stderr = streams
        if sys.getrecursionlimit() < depth:
            sys.setrecursionlimit(depth)
        if not set(path).issubset(sys.path):  # it may add to it, as guests do who bring something along
            sys.path[:] = [*path, *(entry for entry in sys.path if entry not in path)]
        if directory is not None and _directory() != directory:
            os.chdir(directory)


def _directory() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - around every call
    except OSError:  # it was removed
        return None
