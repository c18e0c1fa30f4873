"""The report as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), which code scanning services show.

A result points at the requirement of the manifest that pulls the culprit in, and names the culprit as a logical
location; every chain is a flow. The same report gives the same bytes.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import lockhouse
from lockhouse.audits import Audit
from lockhouse.audits.builtin import BuiltIn
from lockhouse.audits.refusal import headline, ways_out
from lockhouse.audits.telling import ending
from lockhouse.codec import encode
from lockhouse.findings import Chain, ChainStep, Finding, ScanReport
from lockhouse.plan import Plan
from lockhouse.reporting.whereabouts import Region, Whereabouts

__all__ = ["sarif_log"]

Json = dict[str, Any]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"refuse": "error", "warn": "warning", "note": "note"}
BASE = "%SRCROOT%"
"""The base that code scanning services resolve addresses against: the root of the repository."""

TOP = Region(line=1, column=1, end_line=1, end_column=2)


def sarif_log(report: ScanReport, plan: Plan, rules: Iterable[Audit], manifest: Path, root: Path) -> str:
    """Write a report as SARIF; ``manifest`` is the file it is about, in the project at ``root``."""
    described = {rule.name: rule for rule in rules}
    codes = sorted({finding.code for finding in report.findings})
    artifact = _artifact(manifest, root)
    places = Whereabouts(manifest.read_text(encoding="utf-8-sig", errors="replace"))
    target = plan.target
    run: Json = {
        "tool": {
            "driver": {
                "name": "lockhouse",
                "version": lockhouse.__version__,
                "rules": [_descriptor(code, report, described) for code in codes],
            }
        },
        "automationDetails": {"id": f"lockhouse/{plan.name}/{target.variant}-{target.platform}-{target.python_tag}/"},
        "invocations": [{"executionSuccessful": True}],
        "artifacts": [{"location": artifact}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, codes, artifact, places) for finding in report.findings],
        "properties": {"plan": report.plan, "rules": list(report.rules), "wheels": report.wheels},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _descriptor(code: str, report: ScanReport, rules: dict[str, Audit]) -> Json:
    found = [finding for finding in report.findings if finding.code == code]
    short, full = _documentation(found[0].rule, rules.get(found[0].rule))
    level = min((LEVELS[finding.severity] for finding in found), key=list(LEVELS.values()).index)
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in code.replace(".", "-").split("-")),
        "shortDescription": {"text": short},
        "fullDescription": {"text": full},
        "help": {"text": f"{full}\n\nEach result says how it can be cured; see docs/commands.md."},
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["dependencies", found[0].rule]},
    }


def _documentation(name: str, rule: Audit | None) -> tuple[str, str]:
    """What a rule says of itself: in a sentence, and in full."""
    own = getattr(rule, "audit", rule)  # a plugin's rule comes in a guard
    if isinstance(own, BuiltIn):
        own = own.load()
    text = (type(own).__doc__ if own is not None else None) or f"The rule {name}."
    module = sys.modules.get(type(own).__module__)
    more = (module.__doc__ if module else None) or ""
    sentence = inspect.cleandoc(text)
    return sentence.partition("\n\n")[0].replace("\n", " "), f"{sentence}\n\n{inspect.cleandoc(more)}".strip()


def _result(finding: Finding, codes: Sequence[str], artifact: Json, places: Whereabouts) -> Json:
    shown = _physical(artifact, _region(finding, places))
    culprit = next((chain.steps[-1] for chain in finding.chains if chain.names[-1] == finding.distribution), None)
    named = culprit or (ChainStep(name=finding.distribution) if finding.distribution else None)
    result: Json = {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": LEVELS[finding.severity],
        "message": {"text": _text(finding)},
        "locations": [{"physicalLocation": shown} | ({"logicalLocations": [_logical(named)]} if named else {})],
        "partialFingerprints": {"lockhouse/v1": _fingerprint(finding)},
        "properties": {"chains": encode(finding.chains), "cures": encode(finding.cures)},
    }
    flows = [_flow(chain, artifact, places) for chain in finding.chains]
    return result | ({"codeFlows": flows} if flows else {})


def _text(finding: Finding) -> str:
    lines = [headline(finding), *(f"by way of {ending(chain)[2:-1]}" for chain in finding.chains)]
    if finding.more_chains:
        lines.append(f"and {finding.more_chains} more ways")
    return "\n".join((*lines, *(f"try: {text}" for text in ways_out(finding))))


def _flow(chain: Chain, artifact: Json, places: Whereabouts) -> Json:
    first = chain.steps[0]
    shown = _physical(artifact, places.requirement(first.requirement, first.name) or TOP)
    steps = [
        {
            "location": {
                "physicalLocation": shown,
                "logicalLocations": [_logical(step)],
                "message": {"text": step.requirement or step.name},
            }
        }
        for step in chain.steps
    ]
    return {"threadFlows": [{"locations": steps}]}


def _logical(step: ChainStep) -> Json:
    version = f"@{quote(step.version, safe='.')}" if step.version else ""
    # A package URL names a distribution for every tool alike.
    return {"name": step.name, "fullyQualifiedName": f"pkg:pypi/{quote(step.name)}{version}", "kind": "module"}


def _physical(artifact: Json, region: Region) -> Json:
    return {
        "artifactLocation": artifact,
        "region": {
            "startLine": region.line,
            "startColumn": region.column,
            "endLine": region.end_line,
            "endColumn": region.end_column,
        },
    }


def _region(finding: Finding, places: Whereabouts) -> Region:
    if finding.rule == "exclusions":
        return places.exclusion(finding.distribution) or TOP
    for chain in finding.chains:
        if found := places.requirement(chain.steps[0].requirement, chain.steps[0].name):
            return found
    return TOP


def _artifact(manifest: Path, root: Path) -> Json:
    if manifest.is_relative_to(root):
        return {"uri": quote(manifest.relative_to(root).as_posix()), "uriBaseId": BASE, "index": 0}
    return {"uri": manifest.as_uri(), "index": 0}


def _fingerprint(finding: Finding) -> str:
    """Tell a finding from others whatever versions are planned: the same one stays the same when they move."""
    parts = (finding.code, finding.distribution, *finding.chain)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
