"""Rule: an edge that the manifest cuts is named, every time, with the reason; one that is not there is an error.

Whether an exclusion is needed elsewhere cannot be known here: what a distribution of another variant, or of a stage
that is left out, asks for is not in this plan. Only what this plan contradicts is refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockhouse.audits import Subject
from lockhouse.audits.chains import chains_to, spelled, step_of
from lockhouse.audits.telling import described, ending
from lockhouse.findings import Chain, Change, Cure, Finding, Severity
from lockhouse.manifest import Exclusion
from lockhouse.plan import ExcludedEdge

__all__ = ["Exclusions"]


class Exclusions:
    """Note the excluded edges; refuse an exclusion of what nobody asks for."""

    name = "exclusions"
    needs_wheels = False

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a note for each edge that was cut, and say what is wrong with those that cut nothing."""
        known = _Known(subject)
        for edge in subject.plan.excluded:
            yield self._cut(subject, edge, known)
        done = {(edge.distribution, edge.dependency) for edge in subject.plan.excluded}
        for wish in subject.manifest.exclude:
            pair = (canonicalize_name(wish.distribution), canonicalize_name(wish.dependency))
            if pair not in done:
                yield self._useless(subject, wish, pair, known)

    def _cut(self, subject: Subject, edge: ExcludedEdge, known: _Known) -> Finding:
        reason = f": {edge.reason}" if edge.reason else ""
        here, anywhere = known.lines(edge)
        asks = "asks" if here else "elsewhere asks"
        line, *_ = lines = here or anywhere or (edge.requirement,)
        others = len(lines) - 1
        also = f" and in {others} more line{'s' * (others > 1)}" if others > 0 else ""
        step = step_of(subject, edge.dependency, line)
        ways, more = chains_to(subject, edge.distribution)
        chains = tuple(replace(way, steps=(*way.steps, step)) for way in ways)
        chains = chains or (Chain(steps=(*spelled(subject, (edge.distribution,)).steps, step)),)
        return Finding(
            rule=self.name,
            code="exclusions.cut",
            severity="note",
            distribution=edge.distribution,
            chain=chains[0].names,
            chains=chains,
            more_chains=more,
            message=f"{described(subject, edge.distribution)} {asks} for {line}{also}, "
            f"which the manifest excludes{reason}" + ending(chains[0]),
            hint=f"nothing to do; a check that uses {edge.distribution} proves that it can do without",
        )

    def _useless(self, subject: Subject, wish: Exclusion, pair: tuple[str, str], known: _Known) -> Finding:
        source, target = pair
        severity: Severity = "refuse"
        if subject.plan.distribution(source) is not None:
            kind, says = "useless", f"{described(subject, source)} does not ask for {target}"
            meant = _meant(target, known.asked_by(source))
            says += f"; it asks for {meant}" if meant else ""
        elif known.may_be_elsewhere(source):
            kind, severity = "elsewhere", "note"
            says = f"{source} is not planned here, so nothing is cut"
            meant = None
        else:
            kind, says = "unknown", f"there is no {source} in the plan"
            meant = _meant(source, [item.name for item in subject.plan.distributions])
        cures = (_stop(wish),) if severity == "refuse" else ()
        advice = f"did you mean {meant}?" if meant else ""
        return Finding(
            rule=self.name,
            code=f"exclusions.{kind}",
            severity=severity,
            distribution=source,
            chain=(),
            message=f"exclude names {source} → {target}, but {says}",
            hint="; or ".join(filter(None, (advice, *(cure.text for cure in cures))))
            or "nothing to do, if it is for another variant or stage",
            cures=cures,
        )


class _Known:
    """What a plan knows of edges and names, those that do not apply on its target included."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def lines(self, edge: ExcludedEdge) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The lines that would make a cut edge here, and all, those for other targets and extras too."""
        graph = self._subject.graph
        lines = [line for line in graph.lines(edge.distribution) if canonicalize_name(line.name) == edge.dependency]
        here = tuple(str(line) for line in lines if graph.applies(edge.distribution, line))
        return here, tuple(map(str, lines))

    def asked_by(self, name: str) -> list[str]:
        """Names that a distribution asks for."""
        return sorted({canonicalize_name(line.name) for line in self._subject.graph.lines(name)})

    def may_be_elsewhere(self, name: str) -> bool:
        """Whether a distribution that is not planned may be where other stages, variants or markers count."""
        if self._subject.plan.omitted or len(self._subject.manifest.variants) > 1:
            return True
        return name in self._named

    @cached_property
    def _named(self) -> frozenset[str]:
        """Everything that anybody asks for under any condition."""
        listed = (wish.requirement for stage in self._subject.manifest.stages for wish in stage.requirements)
        names = {canonicalize_name(Requirement(line).name) for line in listed}
        return frozenset(names.union(*(self.asked_by(item.name) for item in self._subject.plan.distributions)))


def _stop(wish: Exclusion) -> Cure:
    change = Change(action="stop-excluding", distribution=wish.distribution, dependency=wish.dependency)
    text = f"remove the entry for {wish.distribution} and {wish.dependency} from exclude"
    return Cure(text=text, changes=(change,), sure=True)


def _meant(name: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)
