"""Programs that run in a host and have loaded files of it: what changes under them is not what they have in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable

from lockhouse.environments.processes import loaded_files
from lockhouse.hosts.reading import recorded_paths
from lockhouse.inventory import HostDistribution
from lockhouse.values import dataclass

__all__ = ["Loaded", "find_loaded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A program that has compiled files of ``distributions`` in memory.

    ``ours``: lockhouse was started from it, as from a notebook.
    """

    pid: int
    program: str
    distributions: tuple[str, ...]
    ours: bool

    def __str__(self) -> str:
        whose = "the program that lockhouse was started from" if self.ours else self.program
        return f"{whose} (process {self.pid}) has {' and '.join(self.distributions)} loaded"


def find_loaded(distributions: Iterable[HostDistribution]) -> tuple[Loaded, ...]:
    """Find the programs that have files of some distributions in memory, as far as the system tells; by number.

    What is not compiled leaves no trace in a program's memory that others could see.
    """
    import psutil

    owners: dict[str, str] = {}
    for item in distributions:
        site = os.path.realpath(item.site)
        for path in recorded_paths(item) or ():
            owners[os.path.normpath(f"{site}/{path}")] = item.name
    above = {process.pid for process in psutil.Process().parents()}
    found = []
    for process in psutil.process_iter() if owners else ():
        if process.pid == os.getpid():
            continue
        try:
            names = {owners[path] for path in loaded_files(process) if path in owners}
            if names:
                found.append(
                    Loaded(
                        pid=process.pid,
                        program=process.name(),
                        distributions=tuple(sorted(names)),
                        ours=process.pid in above,
                    )
                )
        except (psutil.Error, OSError):
            continue
    return tuple(sorted(found, key=lambda item: item.pid))
