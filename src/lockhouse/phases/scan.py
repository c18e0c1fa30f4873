"""Scan: judge every planned wheel before anything is touched."""

from __future__ import annotations

from lockhouse.errors import InternalError
from lockhouse.events import Message
from lockhouse.findings import ScanReport
from lockhouse.host import Host
from lockhouse.manifest import Manifest
from lockhouse.plan import OmittedStage, Plan
from lockhouse.project import Project
from lockhouse.steps import Context, Step

__all__ = ["steps"]


def steps(project: Project, manifest: Manifest) -> tuple[Step, ...]:
    """Give the step ``scan``."""
    return (
        Step(
            name="scan",
            phase="scan",
            doc="judge every wheel by all rules before anything is touched",
            needs=("download",),
            outputs=(project.state / "scan.json",),
            up_to_date=_up_to_date,
            done=_has_passed,
            run=_run,
        ),
    )


def _up_to_date(context: Context) -> bool:
    """Whether these rules have passed this plan, and the wheels that they saw still lie in the wheelhouse."""
    plan, report = context.state.read(Plan), context.state.read(ScanReport)
    if plan is None or report is None or not _has_passed(context):
        return False
    from lockhouse.audits.identity import rules_of
    from lockhouse.wheels.wheelhouse import Wheelhouse

    wheelhouse = Wheelhouse(context.project.wheelhouse)
    if report.rules != rules_of(context.plugins.audits()) or not all(
        wheelhouse.holds(item.filename, item.sha256) for item in plan.distributions
    ):
        return False
    context.summarise("scan", _summary(report))
    return True


def _has_passed(context: Context) -> bool:
    plan, report = context.state.read(Plan), context.state.read(ScanReport)
    return plan is not None and report is not None and report.plan == plan.digest and report.ok


def _run(context: Context) -> None:
    from lockhouse.audits.judging import assemble, examine, refused_optional
    from lockhouse.audits.refusal import headline, refusal

    plan, host = context.state.read(Plan), context.state.read(Host)
    if plan is None or host is None:
        raise InternalError("scan ran before plan")
    subject = assemble(context, plan, host, with_wheels=True)
    report = examine(subject, context.plugins.audits(), with_wheels=True)
    omitted = refused_optional(report, subject, context.options.selection.with_stages)
    if omitted:
        # What the wheels showed, planning could not know: the rest of the plan stands as it is, and is judged again.
        remaining = [item.name for item in plan.distributions if item.requirement and item.stage not in omitted]
        left_out = tuple(OmittedStage(name=name, reason=reason) for name, reason in omitted.items())
        plan = plan.restricted(left_out, subject.graph.reachable(remaining))
        for stage in left_out:
            context.emit(Message(level="warning", text=f"stage {stage.name} is left out: {stage.reason}"))
        context.state.write(plan)
        subject = assemble(context, plan, host, with_wheels=True)
        report = examine(subject, context.plugins.audits(), with_wheels=True)
    context.state.write(report)
    context.summarise("scan", _summary(report))
    # Whoever asked for the scan alone is answered with the whole report, unless it ends in an error.
    for finding in report.findings if context.building_next or not report.ok else ():
        if finding.severity == "warn":
            context.emit(Message(level="warning", text=headline(finding)))
        elif finding.severity == "note" and report.ok:
            context.emit(Message(level="info", text=headline(finding)))
    if not report.ok:
        raise refusal(report)


def _summary(report: ScanReport) -> str:
    warnings = sum(finding.severity == "warn" for finding in report.findings)
    counted = f"{report.wheels} wheels, {len(report.rules)} rules"
    told = f", {warnings} warning{'s' * (warnings != 1)}" if warnings else ""
    refused = len({finding.distribution for finding in report.refused})
    return f"{counted}, {f'{refused} refused' if refused else 'nothing refused'}{told}"
