"""Rule: an edge that the manifest cuts is named, every time, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from packaging.utils import canonicalize_name

from lockhouse.audits import Subject
from lockhouse.audits.telling import chain_to, described, trail
from lockhouse.findings import Finding

__all__ = ["Exclusions"]


class Exclusions:
    """Note the excluded edges; warn of an exclusion that cuts nothing."""

    name = "exclusions"
    needs_wheels = False

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a note for each edge that was cut, and a warning for each that was not there to be cut."""
        for edge in subject.plan.excluded:
            chain = (*chain_to(subject, edge.distribution), edge.dependency)
            reason = f": {edge.reason}" if edge.reason else ""
            yield Finding(
                rule=self.name,
                code="exclusions.cut",
                severity="note",
                distribution=edge.distribution,
                chain=chain,
                message=f"{described(subject, edge.distribution)} asks for {edge.requirement}, "
                f"which the manifest excludes{reason}" + trail(subject, chain),
                hint=f"nothing to do; a check that uses {edge.distribution} proves that it can do without",
            )
        yield from self._useless(subject)

    def _useless(self, subject: Subject) -> Iterator[Finding]:
        done = {(edge.distribution, edge.dependency) for edge in subject.plan.excluded}
        for wish in subject.manifest.exclude:
            pair = (canonicalize_name(wish.distribution), canonicalize_name(wish.dependency))
            if pair in done or subject.plan.distribution(pair[0]) is None:
                continue  # a distribution of another variant or of an omitted stage may need it there
            yield Finding(
                rule=self.name,
                code="exclusions.useless",
                severity="warn",
                distribution=pair[0],
                chain=chain_to(subject, pair[0]),
                message=f"exclude names {pair[1]}, which {described(subject, pair[0])} does not ask for here",
                hint=f"remove the entry for {pair[0]} and {pair[1]} from exclude",
            )
