"""Standard output and standard error while a verb runs, and what happens when nobody reads them any more."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn, TextIO

__all__ = ["interruptible", "reserved_output", "tolerate", "write"]


@contextlib.contextmanager
def reserved_output() -> Iterator[TextIO]:
    """Keep standard output for the caller alone: it gets the stream, everybody else is led to standard error.

    That holds for plugins that print and for programs that inherit the file descriptor.
    """
    output = sys.stdout
    output.flush()
    try:
        descriptor, other = output.fileno(), sys.stderr.fileno()
        copy = os.dup(descriptor)
    except (OSError, ValueError):  # something that is no file: there is no descriptor that others could inherit
        with contextlib.redirect_stdout(sys.stderr):
            yield output
        return
    with open(copy, "w", encoding="utf-8", errors="backslashreplace") as reserved:  # noqa: PTH123 - a descriptor
        sys.stderr.flush()
        os.dup2(other, descriptor)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield reserved
        finally:
            with contextlib.suppress(OSError):
                reserved.flush()
            os.dup2(copy, descriptor)


def write(stream: TextIO, text: str) -> None:
    """Write text; that a reader has gone away (``| head``) is no failure of what was done."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _abandon(stream)


def tolerate(stream: TextIO) -> None:
    """Let a stream take characters that its encoding does not know."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Have the system's request to end treated like Ctrl-C: work in hand is put away, nothing half-done stays."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = ("SIGTERM", "SIGHUP")
    before = {number: signal.getsignal(number) for name in names if (number := getattr(signal, name, None)) is not None}
    for number, handler in before.items():
        if handler is signal.SIG_DFL:  # one that is ignored (nohup) stays so
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _abandon(stream: TextIO) -> None:
    # What is still buffered would fail again, with a message, when the interpreter ends.
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
