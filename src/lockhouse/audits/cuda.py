"""Rule: what links CUDA was built for the CUDA that the plan has.

It is read from the names of the libraries that compiled files need, which carry CUDA's major version; labels and names
of distributions are not asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from lockhouse.audits import Subject
from lockhouse.audits.telling import about, described, several
from lockhouse.extensions import Extension
from lockhouse.extensions.system import cuda_major
from lockhouse.findings import Finding

__all__ = ["CudaMajor", "other_cuda"]


class CudaMajor:
    """Refuse distributions that were built for no CUDA that the plan provides."""

    name = "cuda"
    needs_wheels = True

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each distribution that links another CUDA, where the plan has one."""
        provided = _runtimes(subject)
        has = " and ".join(
            f"CUDA {major} ({library} of {described(subject, owner)})"
            for major, (owner, library) in sorted(provided.items())
        )
        for name, linked in other_cuda(subject).items():
            needed = sorted({library for libraries in linked.values() for library in libraries}, key=_order)
            yield about(
                subject,
                name,
                "cuda.other",
                "refuse",
                f" was built for CUDA {' and '.join(sorted(linked))}: it needs {several(needed)}; the plan has {has}",
            )


def other_cuda(subject: Subject) -> Mapping[str, Mapping[str, Collection[str]]]:
    """Find the distributions that link only versions of CUDA that the plan does not have: by version, the libraries.

    None in a plan without CUDA.
    """
    provided = _runtimes(subject)
    found = {name: _linked(facts.extensions) for name, facts in subject.facts.items()} if provided else {}
    return {name: linked for name, linked in found.items() if linked and not linked.keys() & provided.keys()}


def _runtimes(subject: Subject) -> dict[str, tuple[str, str]]:
    """Give the versions of CUDA in the plan: whose runtime each is, and which library."""
    runtimes: dict[str, tuple[str, str]] = {}
    for name, facts in subject.facts.items():
        for library in sorted(_provided(facts.extensions)):
            if library.startswith("libcudart") and (major := cuda_major(library)):
                runtimes.setdefault(major, (name, library))
    return runtimes


def _linked(extensions: Sequence[Extension]) -> dict[str, set[str]]:
    own = _provided(extensions)
    linked: dict[str, set[str]] = {}
    for extension in extensions:
        for library in extension.needed:
            if library not in own and (major := cuda_major(library)):
                linked.setdefault(major, set()).add(library)
    return linked


def _provided(extensions: Iterable[Extension]) -> set[str]:
    return {name for extension in extensions for name in (extension.name, extension.soname or extension.name)}


def _order(library: str) -> tuple[bool, int, str]:
    """The runtime first, the newest first: it is what people look for."""
    return not library.startswith("libcudart"), -int(cuda_major(library) or 0), library
