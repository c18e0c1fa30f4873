"""The lock: what was installed and proven, as a file that lockhouse and other installers can repeat.

The file is a PEP 751 ``pylock.<name>.toml``. What the standard has no words for stands in ``[tool.lockhouse]`` and, for
each distribution, in ``[packages.tool.lockhouse]``. docs/lock.md describes every field.
"""

from lockhouse.lockfile.lock import (
    CheckEvidence,
    Evidence,
    Lock,
    LockedStage,
    LockTable,
    PackageTable,
    lock_from,
    plan_from_lock,
)
from lockhouse.lockfile.pylock import read_lock, read_table, render_lock, write_lock
from lockhouse.lockfile.remembered import recall_lock, remembered_lock

__all__ = [
    "CheckEvidence",
    "Evidence",
    "Lock",
    "LockTable",
    "LockedStage",
    "PackageTable",
    "lock_from",
    "plan_from_lock",
    "read_lock",
    "read_table",
    "recall_lock",
    "remembered_lock",
    "render_lock",
    "write_lock",
]
