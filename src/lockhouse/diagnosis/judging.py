"""Verdicts: what a requirement would do to the protected distributions of a host, told from the actual wheels.

The rules of the scan judge what an installer would bring; nothing is installed. A verdict is as grave as the gravest
thing that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockhouse.audits import Subject
from lockhouse.audits.hostfiles import protected_in_the_way
from lockhouse.audits.judging import assemble, examine
from lockhouse.blacklist import never_fetched
from lockhouse.diagnosis.bench import STEP, Bench
from lockhouse.diagnosis.results import GRAVITY, ORDER, Evidence, Protected, Verdict, Weight
from lockhouse.diagnosis.trying import tried
from lockhouse.diagnosis.wording import in_words, said_of
from lockhouse.errors import InternalError, LockhouseError
from lockhouse.events import Progress
from lockhouse.extensions.numpyabi import numpy_use
from lockhouse.findings import Finding
from lockhouse.host import Host
from lockhouse.plan import Plan
from lockhouse.wheels.facts import known_facts

__all__ = ["judge_candidates", "protected_of"]

HARM = (
    *("host.protected", "host.breaks", "host-files.protected", "host-files.hides", "numpy-abi."),
    *("blacklist.", "integrity.", "rule."),
)
"""Refusals that mean harm to what is protected, or that it cannot be ruled out."""

CONCERNS = ("host.", "host-files.", "libraries.", "cuda.", "c-runtime.", "start-up.", "shadowing.hidden")
"""Warnings about what happens to a host; others are about the plan itself."""

REPLACING = ("host.replaces", "host.replaced", "host.added")
"""Something that is not protected makes way: whether a manifest would allow it is not the question here."""


def protected_of(bench: Bench) -> tuple[Protected, ...]:
    """Tell the protected distributions of a bench's host."""
    found = (bench.inventory.effective[name] for name in bench.protected)
    return tuple(Protected(name=item.name, version=item.version, files=item.files) for item in found)


def judge_candidates(bench: Bench, candidates: Sequence[str]) -> tuple[Verdict, ...]:
    """Judge each requirement by itself, in their order."""
    verdicts = []
    for done, line in enumerate(candidates):
        bench.context.emit(Progress(step=STEP, item="verdicts", done=done, total=len(candidates), unit="checks"))
        verdicts.append(_judge(bench, line))
    bench.context.emit(Progress(step=STEP, item="verdicts", done=len(candidates), total=len(candidates), unit="checks"))
    return tuple(verdicts)


def _judge(bench: Bench, line: str) -> Verdict:
    context = bench.context_for([line])
    host = context.state.read(Host)
    assert host is not None
    markers = bench.inventory.interpreter.markers
    try:
        plan = bench.plan([line])
        bench.fetch(plan, never_fetched(context.manifest, plan, markers))
        subject = assemble(context, plan, host, with_wheels=True)
        report = examine(subject, context.plugins.audits(), with_wheels=True)
    except InternalError:
        raise
    except LockhouseError as error:
        said = Evidence(code=error.code, weight="risky", text=in_words(error))
        reason = f"cannot be judged: {said.text.splitlines()[0]}"
        return Verdict(requirement=line, verdict="RISKY", judged=False, reason=reason, evidence=(said,))
    weighed = [_weighed(bench, plan, item) for item in report.findings if item.code != "host.absent"]
    found = [*weighed, *_abi(bench, plan)]
    evidence = tuple(sorted(found, key=lambda item: ORDER.index(item.weight)))
    gravest: Weight = evidence[0].weight if found else "note"
    return Verdict(
        requirement=line,
        verdict=GRAVITY[gravest],
        reason=evidence[0].text if gravest != "note" else _harmless(bench, line, plan),
        distributions=tried(plan),
        files=_changing(bench, subject),
        evidence=evidence,
    )


def _weighed(bench: Bench, plan: Plan, finding: Finding) -> Evidence:
    weight: Weight = "note"
    if finding.severity == "refuse":
        weight = "unsafe" if finding.code.startswith(HARM) else "risky"
    elif (finding.severity == "warn" and finding.code.startswith(CONCERNS)) or finding.code in REPLACING:
        weight = "risky"
    text, requirements = said_of(finding)
    planned, there = plan.distribution(finding.distribution), bench.inventory.distribution(finding.distribution)
    if finding.code in REPLACING and planned is not None and there is not None:
        text = f"{planned.name} {planned.version} would replace {there.name} {there.version} of the host"
    return Evidence(code=finding.code, weight=weight, text=text, chain=finding.chain, requirements=requirements)


def _abi(bench: Bench, plan: Plan) -> Iterator[Evidence]:
    """Say of every wheel that has compiled files how it uses numpy: the question that people guess at."""
    if bench.inventory.distribution("numpy") is None:
        return
    for item in plan.distributions:
        path = bench.wheelhouse.path(item.filename)
        if not bench.wheelhouse.holds(item.filename, item.sha256):
            continue
        use = numpy_use(known_facts(path, item.sha256).extensions)
        if use.compiled and not use.old:
            kind = "numpy" if use.new else "no-numpy"
            text = f"{item.name} {item.version}: {use}"
            yield Evidence(code=f"abi.{kind}", weight="note", text=text, chain=(item.name,))


def _changing(bench: Bench, subject: Subject) -> int:
    """Count the files of protected distributions that would make way, or be overwritten."""
    replaced = {item.name for item in subject.plan.distributions if item.replaces is not None}
    gone = sum(bench.inventory.effective[name].files or 0 for name in bench.protected if name in replaced)
    return gone + len(protected_in_the_way(subject))


def _harmless(bench: Bench, line: str, plan: Plan) -> str:
    name = canonicalize_name(Requirement(line).name)
    there = bench.inventory.distribution(name)
    own = plan.distribution(name)
    if own is None and there is not None:
        return f"the host has {name} {there.version}" + (f"; {_brings(plan)}" if plan.distributions else "")
    if not plan.distributions:
        return "brings nothing: its condition does not hold on this host"
    text = _brings(plan)
    if own is not None and bench.inventory.distribution("numpy") is not None:
        path = bench.wheelhouse.path(own.filename)
        text += f"; {numpy_use(known_facts(path, own.sha256).extensions)}"
    return text


def _brings(plan: Plan) -> str:
    count = len(plan.distributions)
    return f"adds {count} distribution{'s' * (count != 1)} and replaces nothing that is protected"
