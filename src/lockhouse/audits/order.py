"""Rule: what a distribution needs is installed before it, or with it."""

from __future__ import annotations

from collections.abc import Iterable

from lockhouse.audits import Subject
from lockhouse.audits.chains import chains_over
from lockhouse.audits.telling import described, stage_of, trail
from lockhouse.findings import Change, Cure, Finding
from lockhouse.plan import PlannedDistribution

__all__ = ["StageOrder"]


class StageOrder:
    """Warn of a distribution whose dependency the manifest puts into a later stage: checks in between may fail."""

    name = "stage-order"
    needs_wheels = False

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each dependency that comes too late."""
        position = {stage.name: place for place, stage in enumerate(subject.plan.stages)}
        for item in subject.plan.distributions:
            for name, edge in {edge.target: edge for edge in reversed(subject.graph.edges(item.name))}.items():
                needed = subject.plan.distribution(name)
                if needed is None or position.get(needed.stage, 0) <= position.get(item.stage, 0):
                    continue
                chains, more = chains_over(subject, edge)
                chain = chains[0].names
                cure = _earlier(subject, needed, item.stage)
                yield Finding(
                    rule=self.name,
                    code="stage-order.late",
                    severity="warn",
                    distribution=item.name,
                    chain=chain,
                    chains=chains,
                    more_chains=more,
                    message=f"{described(subject, item.name)} is installed in stage {item.stage}, but needs "
                    f"{described(subject, name)}, which comes only in stage {needed.stage}" + trail(subject, chain),
                    hint=cure.text,
                    cures=(cure,),
                )


def _earlier(subject: Subject, needed: PlannedDistribution, stage: str) -> Cure:
    """Have a distribution in a stage before its own."""
    line = needed.requirement or needed.name
    text = f"list {needed.name} in stage {stage} or an earlier one"
    if stage_of(subject, needed.name) is not None:
        text = f"move {needed.name} from stage {needed.stage} to {stage} or an earlier one"
    return Cure(text=text, changes=(Change(action="list", stage=stage, requirement=line),), sure=True)
