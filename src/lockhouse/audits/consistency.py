"""Rule: the plan agrees with itself. It should always; a plan file may have been edited or made by another version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from lockhouse.audits import Subject
from lockhouse.audits.telling import trail
from lockhouse.findings import Finding
from lockhouse.plan import PlannedDistribution

__all__ = ["Consistency"]


class Consistency:
    """Refuse a plan that lists a distribution twice, or whose file names tell another story."""

    name = "consistency"
    needs_wheels = False

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each contradiction."""
        times = Counter(item.name for item in subject.plan.distributions)
        for name in sorted(name for name, count in times.items() if count > 1):
            versions = ", ".join(item.version for item in subject.plan.distributions if item.name == name)
            yield self._finding(subject, name, "twice", f"{name} is planned {times[name]} times: {versions}")
        stages = {stage.name for stage in subject.plan.stages}
        for item in subject.plan.distributions:
            for kind, says in _contradictions(item, stages):
                yield self._finding(subject, item.name, kind, says)

    def _finding(self, subject: Subject, name: str, kind: str, says: str) -> Finding:
        chain = next(iter(subject.graph.chains(name, limit=1)), (name,))
        return Finding(
            rule=self.name,
            code=f"consistency.{kind}",
            severity="refuse",
            distribution=name,
            chain=chain,
            message=says + trail(subject, chain),
            hint="plan again",
        )


def _contradictions(item: PlannedDistribution, stages: set[str]) -> Iterator[tuple[str, str]]:
    if item.stage not in stages:
        yield "stage", f"{item.name} {item.version} is planned for a stage that the plan does not have: {item.stage}"
    try:
        name, version, _, _ = parse_wheel_filename(item.filename)
    except InvalidWheelFilename as error:
        yield "filename", f"{item.filename!r} is no name of a wheel: {error}"
        return
    if (name, version) != (canonicalize_name(item.name), Version(item.version)):
        yield "filename", f"{item.filename} is not a wheel of {item.name} {item.version}"
