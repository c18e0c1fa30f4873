"""One file on its way in: kept as far as it came, continued from there, hashed while it arrives.

What is on disk counts, whoever left it there: after a kill the next run hashes it again and asks for the rest. The
partial file has a note beside it that names where it came from and which version of the file it is; without a usable
note the rest is asked for all the same, because the hash at the end decides.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lockhouse.errors import Hint, NetworkError
from lockhouse.state import storage_errors
from lockhouse.wheels.client import Client
from lockhouse.wheels.configuration import shown_url
from lockhouse.wheels.faults import RangeRefused, Unavailable
from lockhouse.wheels.streams import BLOCK, Stream

__all__ = ["Arrival", "Stopped", "discard_partial"]

Report = Callable[[int, int | None], None]
"""Takes bytes that are here, and bytes that there will be (None if unknown)."""


class Stopped(Exception):
    """The work was called off."""


@dataclass(slots=True, kw_only=True)
class Arrival:
    """A file that arrives in ``partial``. ``size`` in bytes, None if unknown.

    ``resumable`` without a note: whether to continue from bytes of unknown origin, which only a hash known beforehand
    can make good.
    """

    partial: Path
    size: int | None
    client: Client
    report: Report
    stop: threading.Event
    resumable: bool = True

    def bring(self, url: str) -> str:
        """Fetch what is missing and return the sha256 of all of it.

        Interruptions are waited out as often as configured, and counted anew whenever something came through. Raises
        NetworkError, OfflineError, StorageError or Stopped; what is on disk stays there.
        """
        with storage_errors(self.partial):
            self.partial.parent.mkdir(parents=True, exist_ok=True)
            with self.partial.open("a+b") as file:
                return self._bring(url, file)

    def _bring(self, url: str, file: IO[bytes]) -> str:
        validator = self._noted(url)
        if validator is None and not self.resumable:
            file.truncate(0)
        digest, have = self._rehash(file)
        if self.size is not None and have > self.size:
            digest, have = _from_zero(file)
        repetition = 0
        while self.size is None or have < self.size:
            before = have
            try:
                with self.client.open_stream(url, have, validator) as stream:
                    if stream.start != have:
                        digest, have = _from_zero(file)
                    total = self._agreed(stream, url)
                    validator = stream.validator
                    self._note(url, validator)
                    before = have
                    for block in stream.blocks:
                        file.write(block)
                        file.flush()
                        digest.update(block)
                        have += len(block)
                        if self.stop.is_set():
                            raise Stopped
                        self.report(have, total)
                if have == total or total is None:
                    break
                raise _ended(url, have, total)
            except RangeRefused:
                if have == 0:
                    raise
                digest, have = _from_zero(file)
            except Unavailable as error:
                repetition = 0 if have > before else repetition + 1
                if repetition > self.client.configuration.retries:
                    raise
                if self.stop.wait(self.client.transport.wait(max(repetition - 1, 0), error)):
                    raise Stopped from error
        self.report(have, have)
        return digest.hexdigest()

    def _rehash(self, file: IO[bytes]) -> tuple[hashlib._Hash, int]:
        digest, have = hashlib.sha256(), 0
        file.seek(0)
        while block := file.read(BLOCK):
            digest.update(block)
            have += len(block)
            if self.stop.is_set():
                raise Stopped
        self.report(have, self.size)
        return digest, have

    def _agreed(self, stream: Stream, url: str) -> int | None:
        if None in (stream.total, self.size) or stream.total == self.size:
            return stream.total if stream.total is not None else self.size
        raise NetworkError(
            "another file is served than the one that was planned",
            url=shown_url(url),
            cause=f"{shown_url(url)} has {stream.total} bytes, planned were {self.size}",
            hints=[Hint("replan", "plan again: the index has changed")],
        )

    @property
    def _notes(self) -> Path:
        return _note_of(self.partial)

    def _noted(self, url: str) -> str | None:
        """The validator that the note holds for this URL; another server's does not count."""
        try:
            note = json.loads(self._notes.read_bytes())
            return str(note["validator"]) if note["url"] == url and note["validator"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _note(self, url: str, validator: str | None) -> None:
        self._notes.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")


def discard_partial(partial: Path) -> None:
    """Remove a partial file and its note."""
    for path in (partial, _note_of(partial)):
        with contextlib.suppress(FileNotFoundError), storage_errors(path):
            path.unlink(missing_ok=True)


def _note_of(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.note")


def _from_zero(file: IO[bytes]) -> tuple[hashlib._Hash, int]:
    file.truncate(0)
    return hashlib.sha256(), 0


def _ended(url: str, have: int, total: int) -> Unavailable:
    shown = shown_url(url)
    return Unavailable("a download ended early", url=shown, cause=f"{shown}: {have} of {total} bytes arrived")
