"""Adding to a host and taking back, each as one change: done as a whole or not at all, whenever it is cut off.

Everything that happens is noted in the ledger before it happens. Whoever works on the host next undoes what was cut
off, or completes it, by the same note.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lockhouse.environments.seal import OWN, Seal, read_seal, read_witness
from lockhouse.environments.tree import hash_files, readable
from lockhouse.errors import Hint, StorageError
from lockhouse.events import Emit, Message, discard
from lockhouse.evidence import Drift
from lockhouse.hosts.ledger import Addition, Ledger
from lockhouse.hosts.moving import Taken, foreign_in, put, put_back, take
from lockhouse.hosts.times import restore_folders
from lockhouse.state import storage_errors

__all__ = ["Additions"]

SHOWN = 5


class Additions:
    """What one manifest of one project, the ``owner``, adds to the host with that ledger, which is held meanwhile."""

    def __init__(self, ledger: Ledger, owner: tuple[str, str], emit: Emit = discard) -> None:
        self.ledger = ledger
        self.owner = owner
        self.emit = emit

    def current(self) -> Addition | None:
        """What is in use; None where nothing is."""
        return next((item for item in self.ledger.of(self.owner) if item.standing == "applied"), None)

    def unfinished(self) -> bool:
        """Whether somebody's work on the host was cut off."""
        return not self.ledger.swept or any(item.standing != "applied" for item in self.ledger.all())

    def recover(self) -> tuple[Addition, ...]:
        """Undo or complete what was cut off, whoever began it; give what is concerned."""
        found = tuple(item for item in self.ledger.all() if item.standing != "applied")
        for item in found:
            if item.standing in ("staging", "trial"):
                self._remove(item)
        for item in found:
            if item.standing == "leaving":
                self._remove(item)
            elif item.standing == "yielding":
                if any(other.standing == "applied" for other in self.ledger.of(item.owner)):
                    self.ledger.close(item)
                else:
                    self._restore(item)
        self.ledger.sweep()
        return found

    def apply(
        self,
        addition: Addition,
        collect: Callable[[Addition], Addition],
        arrange: Callable[[Addition], Addition],
        prove: Callable[[Addition], None],
    ) -> Addition:
        """Put an addition in place of the one that is in use, if there is one.

        ``collect`` brings its files together beside the host, ``arrange`` decides what has to happen, ``prove`` raises
        if the host is not as it should be then. After any error the host is as it was before.
        """
        before = self.current()
        self.ledger.enter(addition)
        try:
            addition = collect(addition)
            if before is not None:
                before = self._yield(before)
            addition = self.ledger.note(arrange(addition), "trial")
            self._put(addition)
            prove(addition)
            addition = self.ledger.note(addition, "applied")
        except BaseException:
            # Should this fail in turn, the ledger knows, and the next run goes on with it.
            self._remove(addition)
            if before is not None and before.standing == "yielding":
                self._restore(before)
            raise
        if before is not None:
            self.ledger.close(before)
        return addition

    def withdraw(self) -> Addition | None:
        """Take back for good what is in use, and give it: the host is as it was before. None if there is nothing."""
        addition = self.current()
        if addition is not None:
            self._remove(self.ledger.note(addition, "leaving"))
        return addition

    def drift(self, addition: Addition, *, deep: bool = False) -> Drift:
        """Compare what was added with what was collected; paths are relative to the anchor.

        ``deep`` hashes every file, otherwise those whose size, time or inode is not what it was. Files of the host that
        made way and are not kept any more are missing, too.
        """
        tree = self.ledger.tree(addition)
        seal = read_seal(tree, addition.seal)
        if seal is None or addition.seal is None:
            return Drift(missing=(readable(f"{tree}/{OWN}seal"),))
        witness = read_witness(tree, addition.seal, len(seal))
        modified, missing, extra, doubtful = set(), set(), set(), {}
        for index, (path, size) in enumerate(zip(seal.paths, seal.sizes, strict=True)):
            if path.startswith(OWN):
                continue
            try:
                found = os.lstat(f"{addition.anchor}/{path}")
            except (FileNotFoundError, NotADirectoryError):
                missing.add(path)
                continue
            if found.st_size != size:
                modified.add(path)
            elif (
                deep
                or witness is None
                or (found.st_mtime_ns, found.st_ino)
                != (
                    witness.mtimes[index],
                    witness.inodes[index],
                )
            ):
                doubtful[path] = (index, size)
        sizes = [(path, size) for path, (_, size) in doubtful.items()]
        hashes = hash_files(Path(addition.anchor), sizes, lambda _: None)
        modified |= {path for path, (index, _) in doubtful.items() if hashes[path] != seal.sha256(index)}
        ours = self._ours(addition, seal)
        for move in addition.moves:
            if os.path.isdir(move.target):  # noqa: PTH112
                extra |= {os.path.relpath(path, addition.anchor) for path in foreign_in(move.target, ours)}
        missing |= {os.path.relpath(item.kept, addition.anchor) for item in addition.displaced if not _is(item.kept)}
        return Drift(modified=_shown(modified), missing=_shown(missing), extra=_shown(extra))

    def _put(self, addition: Addition) -> None:
        with storage_errors(Path(addition.anchor)):
            for item in addition.displaced:
                put(item.place, item.kept)
            for move in addition.moves:
                put(move.source, move.target)

    def _take(self, addition: Addition) -> None:
        taken = Taken()
        ours = self._ours(addition, read_seal(self.ledger.tree(addition), addition.seal)) if addition.moves else None
        with storage_errors(Path(addition.anchor)):
            for move in reversed(addition.moves):
                assert ours is not None
                take(move.source, move.target, ours, taken)
            for item in addition.displaced:
                put_back(item.place, item.kept)
            for folder in sorted(addition.made, reverse=True):
                with contextlib.suppress(OSError):  # there is still something in it
                    os.rmdir(folder)  # noqa: PTH106
            self._hand_over(addition)
            restore_folders(addition.touched)
        if taken.foreign:
            shown = ", ".join(taken.foreign[:SHOWN]) + (", …" if len(taken.foreign) > SHOWN else "")
            text = f"{shown}: not of lockhouse, and left where it is"
            self.emit(Message(level="warning", text=text))

    def _hand_over(self, addition: Addition) -> None:
        """Leave folders that others still need to them: the last one takes them along."""
        candidates = [*addition.made, *(move.target for move in addition.moves)]
        left = [path for path in candidates if os.path.isdir(path)]  # noqa: PTH112
        for other in self.ledger.all() if left else ():
            if other.key != addition.key:
                inside = tuple(path for path in left if any(move.target.startswith(f"{path}/") for move in other.moves))
                if not set(inside) <= set(other.made):
                    self.ledger.note(replace(other, made=tuple(sorted({*other.made, *inside}))))

    def _ours(self, addition: Addition, seal: Seal | None) -> Callable[[str], bool]:
        if seal is None:
            raise StorageError(
                f"what was added to the host cannot be told: {self.ledger.tree(addition) / OWN}seal",
                cause="it is missing or damaged",
                hints=[
                    Hint(
                        "by-hand",
                        "remove what RECORD of these lists: "
                        + ", ".join(f"{item.name} {item.version}" for item in addition.distributions),
                    )
                ],
            )
        return frozenset(f"{addition.anchor}/{path}" for path in seal.paths).__contains__

    def _yield(self, addition: Addition) -> Addition:
        addition = self.ledger.note(addition, "yielding")
        self._take(addition)
        return addition

    def _restore(self, addition: Addition) -> None:
        self._take(addition)  # it may be half in place; from there all that is the host's lies where it belongs
        self._put(addition)
        self.ledger.note(addition, "applied")

    def _remove(self, addition: Addition) -> None:
        """Take an addition back and forget it."""
        self._take(addition)
        self.ledger.close(addition)


def _is(path: str) -> bool:
    return os.path.lexists(path)


def _shown(paths: set[str]) -> tuple[str, ...]:
    return tuple(sorted(map(readable, paths)))
