"""Verdicts: what a requirement would do to the protected distributions of a host, told from the actual wheels.

The rules of the scan judge what an installer would bring; nothing is installed. A verdict is as grave as the gravest
thing that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockhouse.audits.judging import judge
from lockhouse.blacklist import never_fetched
from lockhouse.diagnosis.bench import STEP, Bench
from lockhouse.diagnosis.results import Evidence, Judgement, Protected, TriedDistribution, Verdict, Weight
from lockhouse.errors import LockhouseError
from lockhouse.events import Progress
from lockhouse.extensions.numpyabi import numpy_use
from lockhouse.findings import Finding
from lockhouse.host import Host
from lockhouse.plan import Plan
from lockhouse.wheels.facts import known_facts

__all__ = ["judge_candidates", "protected_of"]

HARM = ("host.protected", "host.breaks", "host-files.", "numpy-abi.", "blacklist.", "integrity.", "rule.")
"""Refusals that mean harm to what is protected, or that it cannot be ruled out."""

CONCERNS = ("host.", "host-files.", "libraries.", "cuda.", "c-runtime.", "start-up.", "shadowing.hidden")
"""Warnings about what happens to a host; others are about the plan itself."""

GRAVITY: dict[Weight, Judgement] = {"unsafe": "UNSAFE", "risky": "RISKY", "note": "SAFE"}
ORDER = ("unsafe", "risky", "note")


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
        with bench.network:
            plan = bench.plan([line])
            bench.fetch(plan, never_fetched(context.manifest, plan, markers))
        report = judge(context, plan, host, with_wheels=True)
    except LockhouseError as error:
        text = "\n".join(filter(None, (error.summary, error.cause)))
        said = Evidence(code=error.code, weight="risky", text=text)
        reason = f"nothing can be said of its wheels: {error.summary}"
        return Verdict(requirement=line, verdict="RISKY", reason=reason, evidence=(said,))
    found = [*map(_weighed, report.findings), *_abi(bench, plan)]
    evidence = tuple(sorted(found, key=lambda item: ORDER.index(item.weight)))
    gravest: Weight = evidence[0].weight if found else "note"
    return Verdict(
        requirement=line,
        verdict=GRAVITY[gravest],
        reason=evidence[0].text if gravest != "note" else _harmless(bench, line, plan),
        distributions=tuple(
            TriedDistribution(name=item.name, version=item.version, replaces=item.replaces)
            for item in plan.distributions
        ),
        files=_changing(bench, plan),
        evidence=evidence,
    )


def _weighed(finding: Finding) -> Evidence:
    weight: Weight = "note"
    if finding.severity == "refuse":
        weight = "unsafe" if finding.code.startswith(HARM) else "risky"
    elif finding.severity == "warn" and finding.code.startswith(CONCERNS):
        weight = "risky"
    return Evidence(code=finding.code, weight=weight, text=finding.message, chain=finding.chain)


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


def _changing(bench: Bench, plan: Plan) -> int:
    """Count the files of protected distributions that would make way."""
    replaced = {item.name for item in plan.distributions if item.replaces is not None}
    return sum(bench.inventory.effective[name].files or 0 for name in bench.protected if name in replaced)


def _harmless(bench: Bench, line: str, plan: Plan) -> str:
    name = canonicalize_name(Requirement(line).name)
    there = bench.inventory.distribution(name)
    own = plan.distribution(name)
    if own is None and there is not None:
        return f"the host has {name} {there.version}" + (f"; {_brings(plan)}" if plan.distributions else "")
    text = _brings(plan)
    if own is not None and bench.inventory.distribution("numpy") is not None:
        path = bench.wheelhouse.path(own.filename)
        text += f"; {numpy_use(known_facts(path, own.sha256).extensions)}"
    return text


def _brings(plan: Plan) -> str:
    count = len(plan.distributions)
    return f"adds {count} distribution{'s' * (count != 1)} and replaces nothing that is protected"
