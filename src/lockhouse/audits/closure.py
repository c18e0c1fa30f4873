"""Rule: every requirement that applies on the target is met by the plan's own versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockhouse.audits import Subject
from lockhouse.audits.chains import chains_over
from lockhouse.audits.cures import another_version, cutting, in_words, leaving_out, moving, together, ways_out
from lockhouse.audits.telling import about, chain_to, described, ending, listing, trail
from lockhouse.findings import Cure, Finding, Severity
from lockhouse.plan import PlannedDistribution
from lockhouse.resolution.graph import Edge

__all__ = ["Closure"]


class Closure:
    """Refuse a plan in which somebody's requirement is missing, or there in a version that does not do."""

    name = "closure"
    needs_wheels = False

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for every requirement that is not met, cannot be read, or asks for an unknown extra."""
        for item in subject.plan.distributions:
            yield from self._listed(subject, item)
            for edge in subject.graph.edges(item.name):
                yield from self._edge(subject, edge)
            yield from self._unreadable(subject, item)
            yield from self._extras(subject, item)

    def _listed(self, subject: Subject, item: PlannedDistribution) -> Iterator[Finding]:
        """Hold the plan against the manifest's own requirements."""
        if item.requirement is None:
            return
        requirement = Requirement(item.requirement)
        if requirement.specifier.contains(item.version, prereleases=True):
            return
        yield Finding(
            rule=self.name,
            code="closure.version",
            severity="refuse",
            distribution=item.name,
            chain=(item.name,),
            message=f"the manifest requires {requirement}; the plan has {item.version}" + trail(subject, (item.name,)),
            hint="plan again",
        )

    def _edge(self, subject: Subject, edge: Edge) -> Iterator[Finding]:
        target = subject.plan.distribution(edge.target)
        given = subject.plan.given_distribution(edge.target)
        if given is not None:
            # What the host gives stays as it is: whoever needs another version has to go.
            if not edge.requirement.specifier.contains(given.version, prereleases=True):
                has = f"the host has {given.version}"
                yield self._about(subject, edge, "version", has, cures=ways_out(subject, edge.source))
        elif target is None:
            explicit = subject.manifest.closure == "explicit"
            where = "closure is explicit: list it in a stage" if explicit else "it is not in the plan"
            yield self._about(subject, edge, "missing", where, cures=self._bring(subject, edge))
        elif edge.requirement.url is not None:
            has = f"a certain file; the plan has {target.version} from the index {target.index}"
            hint = f"make sure that {target.filename} is as good for {edge.source}"
            yield self._about(subject, edge, "address", has, severity="warn", hint=hint)
        elif not edge.requirement.specifier.contains(target.version, prereleases=True):
            yield self._about(
                subject, edge, "version", f"the plan has {target.version}", cures=self._move(subject, edge)
            )

    def _about(
        self,
        subject: Subject,
        edge: Edge,
        kind: str,
        has: str,
        *,
        severity: Severity = "refuse",
        hint: str = "",
        cures: Iterable[Cure] = (),
    ) -> Finding:
        """Make a finding about a requirement, with every chain to who makes it."""
        chains, more = chains_over(subject, edge)
        known = tuple(cures)
        comma = "," if severity == "warn" else ";"
        return Finding(
            rule=self.name,
            code=f"closure.{kind}",
            severity=severity,
            distribution=edge.target,
            chain=chains[0].names,
            chains=chains,
            more_chains=more,
            message=f"{described(subject, edge.source)} requires {edge.requirement}{comma} {has}" + ending(chains[0]),
            hint=hint or in_words(known),
            cures=known,
        )

    def _bring(self, subject: Subject, edge: Edge) -> Iterator[Cure]:
        """List what is missing, not later than who needs it; or have nobody need it."""
        source = subject.plan.distribution(edge.source)
        asked = together(other.requirement.specifier for other in subject.graph.into(edge.target))
        yield from moving(subject, edge.target, asked, stage=source.stage if source else None)
        yield from cutting(edge)
        yield from leaving_out(subject, edge.source)

    def _move(self, subject: Subject, edge: Edge) -> Iterator[Cure]:
        """Have a version that satisfies everybody who asks; or have the one who is not satisfied in another one."""
        asked = together(other.requirement.specifier for other in subject.graph.into(edge.target))
        yield from moving(subject, edge.target, asked)
        yield from another_version(subject, edge.source)
        yield from cutting(edge)
        yield from leaving_out(subject, edge.source)

    def _unreadable(self, subject: Subject, item: PlannedDistribution) -> Iterator[Finding]:
        for line in subject.graph.unreadable.get(item.name, ()):
            shown = line if len(line) <= 120 else f"{line[:120]}…"
            yield about(
                subject,
                item.name,
                "closure.unreadable",
                "warn",
                f" has a requirement that cannot be read: {shown!r}",
                hint=f"if it is needed, list what it means in a stage; or move {item.name} to another version",
            )

    def _extras(self, subject: Subject, item: PlannedDistribution) -> Iterator[Finding]:
        """Warn of extras that do not exist; which do is known only from the wheel."""
        facts = subject.facts.get(item.name)
        if facts is None:
            return
        provided = {canonicalize_name(extra) for extra in facts.metadata.extras}
        for extra in sorted(subject.graph.extras.get(item.name, frozenset()) - provided):
            chain, asks = self._asking(subject, item.name, extra)
            yield Finding(
                rule=self.name,
                code="closure.extra",
                severity="warn",
                distribution=item.name,
                chain=chain,
                message=f"{asks} for the extra {extra!r}, which {described(subject, item.name)} does not provide"
                + trail(subject, chain),
                hint=f"write {item.name} without [{extra}], or move it to a version that provides it",
            )

    def _asking(self, subject: Subject, name: str, extra: str) -> tuple[tuple[str, ...], str]:
        item = subject.plan.distribution(name)
        if item and item.requirement and extra in _extras_of(Requirement(item.requirement)):
            return (name,), f"{listing(subject, name)} asks"
        for edge in subject.graph.into(name):
            if extra in _extras_of(edge.requirement):
                return subject.graph.chain_of(edge), f"{described(subject, edge.source)} asks"
        return chain_to(subject, name), f"{name} itself asks"


def _extras_of(requirement: Requirement) -> frozenset[str]:
    return frozenset(canonicalize_name(extra) for extra in requirement.extras)
