"""The numpy C API of a distribution: which of its compiled files use it, and for which numpy they were compiled.

A file that was compiled with the headers of numpy 1 cannot be imported beside numpy 2. One that was compiled with those
of numpy 2 works with both, back to the numpy that its author chose (NumPy 2.0 migration guide, "ABI incompatibility").
"""

from __future__ import annotations

from collections.abc import Iterable

from packaging.version import Version

from lockhouse.extensions import Extension
from lockhouse.values import dataclass

__all__ = ["NumpyUse", "numpy_use"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumpyUse:
    """Counts of compiled files: all of them, those compiled for numpy 1 only, and those for numpy 2 and 1."""

    compiled: int
    old: int
    new: int

    def fails_under(self, version: str) -> bool:
        """Whether something of it cannot be imported beside that version of numpy."""
        return self.old > 0 and Version(version).major >= 2

    def __str__(self) -> str:
        if not self.compiled:
            return "no compiled extension"
        if not self.old and not self.new:
            return "no numpy C API"
        if self.old:
            return f"{self.old} of {self.compiled} compiled extensions were built for numpy 1 only"
        return f"{self.new} of {self.compiled} compiled extensions use numpy's C API, built for numpy 1 and 2"


def numpy_use(extensions: Iterable[Extension]) -> NumpyUse:
    """Count how the compiled files of a wheel use numpy's C API."""
    verdicts = [item.numpy for item in extensions if item.kind != "other"]
    return NumpyUse(compiled=len(verdicts), old=verdicts.count("1"), new=verdicts.count("2"))
