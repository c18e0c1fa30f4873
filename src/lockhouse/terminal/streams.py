"""Standard output and standard error while a verb runs, and what happens when nobody reads them any more."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

__all__ = ["abandon", "prepare", "reserved_output", "write"]


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
        abandon(stream)


def prepare() -> None:
    """Make the standard streams usable, however the process was started.

    One that was closed goes nowhere: else the next file that is opened would take its descriptor, and programs that
    lockhouse runs would write into it. Characters that an encoding does not know are written as escapes.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free: this one
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - lives as long as we do
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def abandon(stream: TextIO) -> None:
    """Let what is still buffered go nowhere: it would fail again, with a message, when the interpreter ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
