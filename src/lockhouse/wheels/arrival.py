"""One file on its way in: kept as far as it came, continued from there, hashed while it arrives.

What is on disk counts, whoever left it there: after a kill the next run hashes it again and asks for the rest. The
partial file has a note beside it that names where it came from and which version of the file it is; without a usable
note the rest is asked for all the same, because the hash at the end decides. A large file arrives in pieces
(:mod:`lockhouse.wheels.division`) as long as a ledger lies beside it; else what is there is its beginning.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from lockhouse.errors import Hint, NetworkError
from lockhouse.state import storage_errors
from lockhouse.values import dataclass
from lockhouse.wheels.configuration import shown_url
from lockhouse.wheels.division import DIVISIBLE, Division, Means, Undivided
from lockhouse.wheels.faults import RangeRefused, Unavailable
from lockhouse.wheels.interruptions import Interruptions
from lockhouse.wheels.lanes import Stopped
from lockhouse.wheels.local import local_path
from lockhouse.wheels.meter import Report
from lockhouse.wheels.spans import Spans, known_spans, ledger_of, prefix_of
from lockhouse.wheels.streams import BLOCK, Stream

__all__ = ["Arrival", "arrived", "discard_partial"]


@dataclass(slots=True, kw_only=True)
class Arrival:
    """A file that arrives in ``partial``. ``size`` in bytes, None if unknown.

    ``resumable`` without a note: whether to continue from bytes of unknown origin, which only a hash known beforehand
    can make good. ``divisible``: whether it may arrive in pieces if it is large.
    """

    partial: Path
    size: int | None
    means: Means
    report: Report
    resumable: bool = True
    divisible: bool = True

    def bring(self, url: str) -> str:
        """Fetch what is missing and return the sha256 of all of it.

        Interruptions are waited out as often as configured, and counted anew whenever something came through. Raises
        NetworkError, OfflineError, StorageError or Stopped; what is on disk stays there.
        """
        with storage_errors(self.partial):
            self.partial.parent.mkdir(parents=True, exist_ok=True)
            if self._may_divide(url):
                try:
                    return self._bring_in_pieces(url)
                except Undivided:
                    self.means.sharing.undivided.add(urlsplit(url).netloc)
            self._keep_the_beginning()
            with self.partial.open("a+b") as file:
                return self._bring(url, file)

    def _may_divide(self, url: str) -> bool:
        return (
            self.divisible
            and self.size is not None
            and self.means.hands > 1
            and local_path(url) is None
            and urlsplit(url).netloc not in self.means.sharing.undivided
            and (self.size - arrived(self.partial, self.size) >= DIVISIBLE or ledger_of(self.partial).is_file())
        )

    def _bring_in_pieces(self, url: str) -> str:
        assert self.size is not None
        validator = self._noted(url)
        known = known_spans(self.partial, self.size) if self.resumable or validator else []
        self.partial.touch()
        ledger = Spans(ledger_of(self.partial), known)
        try:
            return Division(
                url=url,
                size=self.size,
                partial=self.partial,
                ledger=ledger,
                validator=validator,
                means=self.means,
                report=self.report,
                note=self._note,
                checked=self.resumable,
            ).bring()
        finally:
            ledger.close()

    def _keep_the_beginning(self) -> None:
        """Cut off what lies beyond the first gap: one stream continues from the end of the file."""
        ledger = ledger_of(self.partial)
        if ledger.is_file() and self.partial.is_file():
            with self.partial.open("r+b") as file:
                file.truncate(prefix_of(known_spans(self.partial, self.size or 0)))
        ledger.unlink(missing_ok=True)

    def _bring(self, url: str, file: IO[bytes]) -> str:
        validator = self._noted(url)
        if validator is None and not self.resumable:
            file.truncate(0)
        digest, have = self._rehash(file)
        if self.size is not None and have > self.size:
            digest, have = _from_zero(file)
        interruptions = Interruptions(have)
        while self.size is None or have < self.size:
            try:
                with (
                    self.means.lanes.enter(url, self.means.stop),
                    self.means.client.open_stream(url, have, validator) as stream,
                ):
                    if stream.start != have:
                        digest, have = _from_zero(file)
                    total = self._agreed(stream, url)
                    validator = stream.validator
                    self._note(url, validator)
                    for block in stream.blocks:
                        file.write(block)
                        file.flush()
                        digest.update(block)
                        have += len(block)
                        if self.means.stop.is_set():
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
                self.means.repeat(interruptions.count(have), error)
        self.report(have, have)
        return digest.hexdigest()

    def _rehash(self, file: IO[bytes]) -> tuple[hashlib._Hash, int]:
        digest, have = hashlib.sha256(), 0
        file.seek(0)
        while block := file.read(BLOCK):
            digest.update(block)
            have += len(block)
            if self.means.stop.is_set():
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

    def _noted(self, url: str) -> str | None:
        """The validator that the note holds for this URL; another server's does not count."""
        try:
            note = json.loads(_note_of(self.partial).read_bytes())
            return str(note["validator"]) if note["url"] == url and note["validator"] else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def _note(self, url: str, validator: str | None) -> None:
        note = json.dumps({"url": url, "validator": validator})
        _note_of(self.partial).write_text(note, encoding="utf-8")


def arrived(partial: Path, size: int) -> int:
    """Bytes of a file of ``size`` that need not be fetched again."""
    return sum(end - start for start, end in known_spans(partial, size))


def discard_partial(partial: Path) -> None:
    """Remove a partial file, its note and its ledger."""
    for path in (partial, _note_of(partial), ledger_of(partial)):
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
