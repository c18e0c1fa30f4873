"""Standard output and standard error while a verb runs, and what happens when nobody reads them any more."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import NoReturn, TextIO

__all__ = ["abandon", "prepare", "reserved_output", "write"]


class _Standing:
    """What a stream for everybody is beside: a guest who closes it, as if it were a file of its own, closes nothing."""

    def close(self) -> None:
        """Write what is buffered; whoever comes next can go on writing."""
        self.flush()

    def detach(self) -> NoReturn:
        """Refuse: without its parts a stream is as good as closed."""
        raise io.UnsupportedOperation("a standard stream is everybody's")

    def flush(self) -> None:
        """Write what is buffered."""
        super().flush()  # type: ignore[misc]


class _File(_Standing, io.FileIO):
    """A descriptor."""


class _Bytes(_Standing, io.BufferedWriter):
    """Bytes on their way to it."""


class _Text(_Standing, io.TextIOWrapper):
    """Text on its way to them."""


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
    lockhouse runs would write into it. Characters that an encoding does not know are written as escapes. From here on
    nobody can close them: plugins are guests, and what they did would be told on a stream that is none.
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
            # Only the interpreter's own: it stays where it is, and with it the descriptor.
            if stream is getattr(sys, f"__{name}__"):
                standing = _standing(stream)
                setattr(sys, name, standing)
                setattr(sys, f"__{name}__", standing)


def _standing(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """Give a stream to the same file that cannot be closed; a console of Windows, which is no file, stays as it is."""
    raw = getattr(stream.buffer, "raw", stream.buffer)  # the same where nothing is buffered
    if not isinstance(raw, io.FileIO) or isinstance(raw, _Standing):
        return stream
    stream.flush()
    file = _File(raw.fileno(), "w", closefd=False)
    return _Text(
        file if raw is stream.buffer else _Bytes(file),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def abandon(stream: TextIO) -> None:
    """Let what is still buffered go nowhere: it would fail again, with a message, when the interpreter ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
