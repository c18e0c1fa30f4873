"""Rule: what a distribution needs is installed before it, or with it."""

from __future__ import annotations

from collections.abc import Iterable

from lockhouse.audits import Subject
from lockhouse.audits.telling import chain_to, described, stage_of, trail
from lockhouse.findings import Finding

__all__ = ["StageOrder"]


class StageOrder:
    """Warn of a distribution whose dependency the manifest puts into a later stage: checks in between may fail."""

    name = "stage-order"
    needs_wheels = False

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each dependency that comes too late."""
        position = {stage.name: place for place, stage in enumerate(subject.plan.stages)}
        for item in subject.plan.distributions:
            for name in dict.fromkeys(edge.target for edge in subject.graph.edges(item.name)):
                needed = subject.plan.distribution(name)
                if needed is None or position.get(needed.stage, 0) <= position.get(item.stage, 0):
                    continue
                chain = (*chain_to(subject, item.name), name)
                listed = stage_of(subject, name)
                move = f"move {name} from stage {needed.stage} to {item.stage} or an earlier one"
                yield Finding(
                    rule=self.name,
                    code="stage-order.late",
                    severity="warn",
                    distribution=item.name,
                    chain=chain,
                    message=f"{described(subject, item.name)} is installed in stage {item.stage}, but needs "
                    f"{described(subject, name)}, which comes only in stage {needed.stage}" + trail(subject, chain),
                    hint=move if listed else f"list {name} in stage {item.stage} or an earlier one",
                )
