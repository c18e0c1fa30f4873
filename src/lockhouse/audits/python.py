"""Rule: the target's Python is one that every distribution says it runs on."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from lockhouse.audits import Subject
from lockhouse.audits.telling import chain_to, described, trail
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
            chain = chain_to(subject, item.name)
            try:
                accepted = SpecifierSet(item.requires_python).contains(version, prereleases=True)
            except InvalidSpecifier:
                yield Finding(
                    rule=self.name,
                    code="requires-python.unreadable",
                    severity="warn",
                    distribution=item.name,
                    chain=chain,
                    message=f"{described(subject, item.name)} has a Requires-Python that cannot be read: "
                    f"{item.requires_python!r}" + trail(subject, chain),
                    hint=f"make sure that it runs on Python {version}, or move {item.name} to another version",
                )
                continue
            if not accepted:
                yield Finding(
                    rule=self.name,
                    code="requires-python.refused",
                    severity="refuse",
                    distribution=item.name,
                    chain=chain,
                    message=f"{described(subject, item.name)} requires Python {item.requires_python}; "
                    f"the target has {version}" + trail(subject, chain),
                    hint=f"set python.version in the manifest to one in {item.requires_python}, "
                    f"or move {item.name} to another version",
                )
