"""The hash of a file that still arrives, taken in order behind the beginning that is complete."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

from lockhouse.wheels.lanes import Stopped

__all__ = ["GrowingHash"]

BLOCK = 1 << 20


class GrowingHash:
    """The sha256 of a file, read back from what the disk cache holds. For one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = hashlib.sha256()
        self._hashed = 0

    def follow(self, reach: Callable[[], int], stop: threading.Event) -> None:
        """Hash as far as ``reach`` says that bytes are here, which may grow meanwhile.

        Raises Stopped when called off, OSError if the file is shorter than was said.
        """
        # Without a buffer: it would read ahead, and keep bytes that have not arrived yet.
        with self._path.open("rb", buffering=0) as file:
            file.seek(self._hashed)
            while (ahead := reach() - self._hashed) > 0:
                block = file.read(min(ahead, BLOCK))
                if not block:
                    raise OSError(None, "the file was cut while it arrived", str(self._path))
                self._digest.update(block)
                self._hashed += len(block)
                if stop.is_set():
                    raise Stopped

    def hexdigest(self) -> str:
        """The hash of what was reached."""
        return self._digest.hexdigest()
