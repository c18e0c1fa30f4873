"""What the doctor says: remarks by subject, and how the manifest compares with the published one."""

from __future__ import annotations

from typing import Literal

from lockhouse.values import dataclass

__all__ = ["Checkup", "Comparison", "Difference", "Relation", "Remark", "Subject"]

Subject = Literal[
    "machine",
    "lockhouse",
    "manifest",
    "plugins",
    "accelerators",
    "caches",
    "environment",
    "lock",
    "indexes",
    "published",
]
State = Literal["ok", "note", "warning", "problem"]
Relation = Literal["equal", "older", "newer", "different"]
"""The local manifest beside the published one; ``different`` where nobody can tell which is older."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing that was looked at. A ``problem`` keeps lockhouse from its work, a ``warning`` may."""

    subject: Subject
    state: State
    text: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A requirement or a field that differs: what it is ``here`` and as ``published``, None where it is not there.

    ``effect`` says what taking over the published one would do.
    """

    what: str
    here: str | None
    published: str | None
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The local manifest beside the one published at ``url``, and why it is thought to be older or newer."""

    url: str
    relation: Relation
    because: str
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """All remarks, in the order in which things depend on each other; ``published`` only where it was compared."""

    remarks: tuple[Remark, ...]
    published: Comparison | None = None

    @property
    def problems(self) -> tuple[Remark, ...]:
        """What keeps lockhouse from its work."""
        return tuple(remark for remark in self.remarks if remark.state == "problem")
