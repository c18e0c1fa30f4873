"""Rule: the target's Python is one that every distribution says it runs on."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from lockhouse.audits import Subject
from lockhouse.audits.telling import about
from lockhouse.findings import Finding

__all__ = ["RequiresPython"]


class RequiresPython:
    """Refuse wheels whose ``Requires-Python`` shuts out the target's full Python version."""

    name = "requires-python"
    needs_wheels = False

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each distribution that the target's Python is too old or too new for."""
        version = subject.markers["python_full_version"].removesuffix("+")  # a build between releases says 3.13.0+
        for item in subject.plan.distributions:
            if item.requires_python is None:
                continue
            try:
                accepted = SpecifierSet(item.requires_python).contains(version, prereleases=True)
            except InvalidSpecifier:
                yield about(
                    subject,
                    item.name,
                    "requires-python.unreadable",
                    "warn",
                    f" has a Requires-Python that cannot be read: {item.requires_python!r}",
                    hint=f"make sure that it runs on Python {version}, or move {item.name} to another version",
                )
                continue
            if not accepted:
                yield about(
                    subject,
                    item.name,
                    "requires-python.refused",
                    "refuse",
                    f" requires Python {item.requires_python}; the target has {version}",
                    hint=f"set python.version in the manifest to one in {item.requires_python}, "
                    f"or move {item.name} to another version",
                )
