"""Judging a plan by all rules: the subject is put together, every rule looks at it, the findings make one report."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from lockhouse.audits import Audit, Subject
from lockhouse.audits.athand import AtHand
from lockhouse.audits.chains import explained
from lockhouse.audits.closure import Closure
from lockhouse.audits.cures import cured
from lockhouse.audits.exclusions import Exclusions
from lockhouse.audits.identity import is_own, rules_of
from lockhouse.audits.reading import read_wheels
from lockhouse.codec import decode, encode
from lockhouse.errors import InternalError, LockhouseError, PluginError, UnsafeWheel
from lockhouse.findings import Finding, ScanReport
from lockhouse.guards import disabling
from lockhouse.host import Host
from lockhouse.hosts.keeping import added_to_host, host_without
from lockhouse.names import canonical_name
from lockhouse.plan import Plan
from lockhouse.resolution.graph import Graph, Node
from lockhouse.resolution.target import target_markers, target_tags
from lockhouse.steps import Context
from lockhouse.wheels.wheelfile import ReadWheels
from lockhouse.wheels.wheelhouse import Wheelhouse

__all__ = ["assemble", "examine", "judge", "stages_of"]

GRAVITY = {"refuse": 0, "warn": 1, "note": 2}


def judge(context: Context, plan: Plan, host: Host, *, with_wheels: bool) -> ScanReport:
    """Judge a plan by all rules; without its wheels only by those that need none."""
    subject = assemble(context, plan, host, with_wheels=with_wheels)
    return examine(subject, context.plugins.audits(), with_wheels=with_wheels)


def assemble(context: Context, plan: Plan, host: Host, *, with_wheels: bool) -> Subject:
    """Put together what the rules look at; reading the wheels is the slow part.

    Raises InterpreterNotFound when the machine has no interpreter of the plan's Python any more.
    """
    wheelhouse = Wheelhouse(context.project.wheelhouse)
    read = dict(read_wheels(plan.distributions, wheelhouse, context.emit)) if with_wheels else {}
    facts = {item.name: read[item.name] for item in plan.distributions if item.name in read}
    files = dict(_expected(plan, wheelhouse)) if with_wheels else {}
    markers = target_markers(host, plan.target.python_version)
    nodes = [
        # The metadata in the wheel is what will be installed: where it is known it counts, not what the plan recorded.
        Node(
            name=item.name,
            requires=facts[item.name].metadata.requires if item.name in facts else item.requires,
            root=item.requirement,
        )
        for item in plan.distributions
    ]
    nodes += [Node(name=item.name, requires=item.requires, root=item.requirement) for item in plan.given or ()]
    namespace = plan.target.accelerator
    tags = target_tags(plan.target.python_tag, host.platform_tags)
    return Subject(
        manifest=context.manifest,
        plan=plan,
        graph=Graph(nodes, markers, [(edge.distribution, edge.dependency) for edge in plan.excluded]),
        markers=markers,
        tags=tags,
        accelerator=next((item for item in context.plugins.accelerators() if item.namespace == namespace), None),
        facts=facts,
        wheels=ReadWheels({name: files[name] for name in facts}),
        files=files,
        at_hand=AtHand(context, plan, tags),
        host=host_without(context.project) if plan.given is not None else None,
        making_way=added_to_host(context.project) if plan.given is not None else (),
    )


def refused_optional(report: ScanReport, subject: Subject, insisted: Collection[str] = ()) -> dict[str, str]:
    """Give the optional stages that alone bring what was refused, each with the reason; none if more is refused.

    ``insisted`` are stages that were asked for by hand: they are not left out.
    """
    optional = {stage.name for stage in subject.plan.stages if stage.optional} - set(insisted)
    omitted: dict[str, str] = {}
    for finding in report.refused:
        stages = stages_of(finding, subject.plan)
        if not stages or not stages <= optional:
            return {}
        for stage in stages:
            omitted.setdefault(stage, f"the scan refuses it: {finding.message}")
    return omitted


def examine(subject: Subject, rules: Sequence[Audit], *, with_wheels: bool) -> ScanReport:
    """Let every rule look at the subject. The gravest findings come first, then by distribution."""
    running = [rule for rule in rules if with_wheels or not rule.needs_wheels]
    found = {explained(subject, finding) for rule in running for finding in _ask(rule, subject)}
    return ScanReport(
        plan=subject.plan.digest,
        rules=rules_of(running),
        wheels=len(subject.facts),
        findings=tuple(sorted(found, key=_place)),
    )


def stages_of(finding: Finding, plan: Plan) -> frozenset[str]:
    """Name the stages that would all have to be left out for a finding to go away.

    Those are the stages of all requirements of the manifest that lead to what the finding is about: for a requirement
    that is not met, to who makes it; else to the distribution itself. A mistake in the manifest does not go away by
    leaving out what it is about: it would only be hidden.
    """
    if finding.rule == Exclusions.name:
        return frozenset()
    about_edge = finding.rule == Closure.name and len(finding.chain) > 1
    start = finding.chain[-2] if about_edge else finding.distribution
    known = {item.name: item for item in plan.distributions}
    stages: set[str] = set()
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        item = known.get(name)
        if item is None or name in seen:
            continue
        seen.add(name)
        if item.requirement is not None or not item.required_by:
            stages.add(item.stage)
        waiting.extend(item.required_by)
    return frozenset(stages)


def _expected(plan: Plan, wheelhouse: Wheelhouse) -> Iterator[tuple[str, Path]]:
    for item in plan.distributions:
        with suppress(UnsafeWheel):  # a file name that leads out of the wheelhouse leads nowhere
            yield item.name, wheelhouse.path(item.filename)


def _ask(rule: Audit, subject: Subject) -> tuple[Finding, ...]:
    try:
        found = tuple(rule.examine(subject))
        # A stranger may yield anything; what does not survive being written down is no finding.
        return found if is_own(rule) else tuple(cured(subject, _sound(subject, item)) for item in found)
    except Exception as error:
        if is_own(rule):
            if isinstance(error, LockhouseError):
                raise
            raise InternalError(f"the rule {rule.name} failed", cause=f"{type(error).__name__}: {error}") from error
        return (_failed(rule, error),)


def _sound(subject: Subject, item: object) -> Finding:
    """What a stranger's rule gave, if it is a finding in all its parts."""
    finding = decode(Finding, encode(item), "finding")
    planned = subject.plan.distribution(canonical_name(finding.distribution))
    return replace(finding, distribution=planned.name) if planned else finding


def _failed(rule: Audit, error: Exception) -> Finding:
    """Refuse: what a stranger's rule would have said is not known, and whoever put it there wants it to be asked."""
    if isinstance(error, PluginError):
        message, hint = f"{error.summary}; it judged nothing: {error.cause}", error.hints[0].text
    else:
        whose = getattr(rule, "plugin", type(rule).__module__)
        message = f"the rule {rule.name} of {whose} failed and judged nothing: {type(error).__name__}: {error}"
        hint = disabling(whose)
    return Finding(
        rule=rule.name,
        code="rule.failed",
        severity="refuse",
        distribution="",
        chain=(),
        message=message,
        hint=hint,
    )


def _place(finding: Finding) -> tuple[object, ...]:
    return (
        GRAVITY[finding.severity],
        finding.distribution,
        finding.rule,
        finding.code,
        len(finding.chain),
        finding.chain,
        finding.message,
    )
