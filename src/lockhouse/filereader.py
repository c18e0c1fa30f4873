"""A program of its own that reads files for questions: a driver that hangs in a read must not hang lockhouse.

``filereader.py file LIMIT PATH`` prints the content of one file; ``filereader.py files LIMIT PATTERN…`` prints a JSON
object of paths and contents. Standard library only.
"""

from __future__ import annotations

import glob
import json
import os
import sys

__all__ = ["UNREADABLE", "main"]

UNREADABLE = 3
"""Exit status where the one file cannot be read; the last line of standard error says why."""

LONGEST_FILE = 64 * 1024
"""Bytes of each of several files that are looked at."""


def main(argv: list[str]) -> int:
    """Answer one question."""
    kind, limit, *asked = argv
    if kind == "files":
        sys.stdout.write(json.dumps(_several(asked, int(limit))))
        return 0
    try:
        data = _read(asked[0], int(limit))
    except OSError as error:
        sys.stderr.write(error.strerror or str(error))
        return UNREADABLE
    sys.stdout.buffer.write(data)
    return 0


def _several(patterns: list[str], limit: int) -> dict[str, str]:
    found: dict[str, str] = {}
    size = 2
    for path in sorted({path for pattern in patterns for path in glob.glob(pattern)}):  # noqa: PTH207
        try:
            text = _read(path, LONGEST_FILE).decode("utf-8", "replace")
        except OSError:
            continue
        size += len(json.dumps({path: text}))
        if size > limit:
            break
        found[path] = text
    return found


def _read(path: str, limit: int) -> bytes:
    # Non-blocking, so that a FIFO in the place of a file is an empty answer and not an endless wait.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        return file.read(limit) or b""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
