"""The guard: pip's own configuration inside an environment, so that pip refuses to change what was planned.

It keeps people from changing a locked distribution by accident. It is no wall: ``--isolated``, ``PIP_CONSTRAINT`` and
other installers pass it by, and then verify finds the drift.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from lockhouse.environments.generations import METADATA
from lockhouse.plan import PlannedDistribution
from lockhouse.state import write_atomically

__all__ = ["CONFIGURATION", "write_guard"]

CONFIGURATION = "pip.ini" if os.name == "nt" else "pip.conf"
"""pip's configuration at ``sys.prefix`` (its kind "site"), read after the user's: its values win."""


def write_guard(root: Path, distributions: Iterable[PlannedDistribution]) -> None:
    """Constrain pip in the environment at ``root`` to the planned versions, with whatever else it is asked for.

    Constraints hold for dependencies as well: what needs another version of a planned distribution is refused with
    both versions named.
    """
    constraints = root / METADATA / "constraints.txt"
    lines = sorted(f"{item.name}=={item.version}" for item in distributions)
    write_atomically(constraints, "".join(f"{line}\n" for line in lines).encode())
    # [global]: install, download and wheel alike. pip splits the value at white space, and a file: URL has none.
    text = f"[global]\nconstraint = {constraints.as_uri()}\n"
    write_atomically(root / CONFIGURATION, text.encode())
