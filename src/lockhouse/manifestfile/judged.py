"""Manifests that were found to be without fault, remembered by what was judged and by whom.

Judging takes longer than all else that an up-to-date ``install`` does with a manifest: the schema's validator and the
parsers of requirements are imported for it alone. One file per manifest holds the digest of the last text that had no
fault; without it, or where it cannot be written, the manifest is judged again.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import lockhouse
from lockhouse.errors import StorageError
from lockhouse.manifestfile.schema import schema_path
from lockhouse.state import write_atomically

__all__ = ["Judged"]


class Judged:
    """The memory for one text; ``folder`` None is no memory."""

    def __init__(self, folder: Path | None, path: Path, text: str) -> None:
        # The Python that runs counts: it says whether the code of checks is Python.
        schema = schema_path().read_bytes() if folder else b""
        parts = (lockhouse.__version__.encode(), sys.version.encode(), schema, path.suffix.encode(), text.encode())
        self._key = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest().encode()
        self._file = folder / path.name if folder else None

    @property
    def faultless(self) -> bool:
        """Whether this text was judged and had no fault."""
        try:
            return self._file is not None and self._file.read_bytes() == self._key
        except OSError:
            return False

    def remember(self) -> None:
        """Note that this text has no fault; a place that cannot be written is no reason to fail."""
        # Reading a manifest makes no folder for lockhouse in a project that has none yet.
        if self._file is not None and self._file.parent.parent.is_dir():
            try:
                write_atomically(self._file, self._key, durable=False)
            except StorageError:
                return
