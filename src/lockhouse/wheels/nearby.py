"""Copies of planned wheels that lie on this machine: in folders of find-links, and in indexes that are folders.

They spare the network, whatever address the plan has: only their hash decides whether they are the same.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lockhouse.values import dataclass
from lockhouse.wheels.client import Client, Link
from lockhouse.wheels.configuration import PipConfiguration
from lockhouse.wheels.local import local_path
from lockhouse.wheels.wheelhouse import hash_file

__all__ = ["Nearby"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearby:
    """Places on this machine: ``folders`` of wheels, and the addresses of ``indexes`` that are folders."""

    client: Client
    folders: tuple[Path, ...] = ()
    indexes: tuple[str, ...] = ()

    @classmethod
    def of(cls, configuration: PipConfiguration, client: Client) -> Nearby:
        """Find the places that pip is configured to use."""
        folders = [path for path in map(local_path, configuration.find_links) if path is not None and path.is_dir()]
        indexes = [url for url in configuration.indexes if local_path(url) is not None]
        return cls(client=client, folders=tuple(folders), indexes=tuple(indexes))

    def copies(self, links: Iterable[Link]) -> Mapping[str, str]:
        """Find the wheels that have the right hash, by file name; give the addresses of the files."""
        if not self.folders and not self.indexes:
            return {}
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            found = threads.map(lambda link: (link.filename, self._copy(link)), links)
            return {filename: url for filename, url in found if url is not None}

    def _copy(self, link: Link) -> str | None:
        for path in self._candidates(link):
            with contextlib.suppress(OSError):
                if path.stat().st_size == link.size and hash_file(path) == link.sha256:
                    return path.absolute().as_uri()
        return None

    def _candidates(self, link: Link) -> Iterator[Path]:
        yield from (folder / link.filename for folder in self.folders)
        for other in self.client.elsewhere(link, self.indexes):
            path = local_path(other.url)
            if path is not None:
                yield path
