"""Placements: which entries of the store an environment is made of, and where their files are in it.

Written into the environment's own folder of lockhouse while it is built. With it the seal of an environment is put
together from what the store knows, and ``clean`` knows what is in use.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lockhouse.store.entries import Entry, StoredFile
from lockhouse.store.linking import LinkMode
from lockhouse.values import dataclass

__all__ = ["FILE", "Placement", "placed_files", "read_placements", "write_placements"]

SCHEMA = "lockhouse.placements/1"
FILE = ".lockhouse/placements.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One entry in an environment; ``mode`` is how its files came there.

    ``root`` is the folder, relative to the environment, with what lies beside ``.data`` in the wheel; ``data`` are
    those of the folders in ``.data``. ``besides`` names files of the entry, by their paths in the wheel, that are not
    there from the store: scripts that were written, and what another wheel brought first with the same content.
    """

    sha256: str
    mode: LinkMode
    root: str
    data: Mapping[str, str]
    besides: tuple[str, ...] = ()

    def place(self, folder: str, data_dir: str) -> str:
        """Where a folder of the wheel is in the environment; empty for the environment's top."""
        if folder.startswith(f"{data_dir}/"):
            scheme, _, rest = folder[len(data_dir) + 1 :].partition("/")
            return _join(self.data[scheme], rest)
        return _join(self.root, folder)


def placed_files(placement: Placement, entry: Entry) -> Iterator[tuple[str, StoredFile]]:
    """Give the files that an environment has from an entry, with their paths in the environment."""
    besides = frozenset(placement.besides)
    files = iter(entry.files)
    for folder, names in entry.kept.folders:
        place = placement.place(folder, entry.data_dir)
        for name in names:
            item = next(files)
            if item.path not in besides:
                yield _join(place, name), item


def write_placements(root: Path, placements: Sequence[Placement]) -> None:
    """Keep the placements of an environment that is being built."""
    document = {
        "schema": SCHEMA,
        "placements": [[item.sha256, item.mode, item.root, item.data, item.besides] for item in placements],
    }
    path = root / FILE
    path.parent.mkdir(exist_ok=True)
    # Not forced to the disk: a build that a power cut ends is thrown away.
    path.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")


def read_placements(root: Path) -> tuple[Placement, ...]:
    """Return the placements of an environment, in the order of installation; none where nothing is known."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        document = json.loads((root / FILE).read_bytes())
        if document["schema"] == SCHEMA:
            return tuple(
                Placement(sha256=sha256, mode=mode, root=place, data=data, besides=tuple(besides))
                for sha256, mode, place, data, besides in document["placements"]
            )
    return ()


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder and name else folder or name
