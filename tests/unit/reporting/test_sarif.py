from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.findings import Finding
from lockhouse.manifest import BlacklistEntry, Exclusion
from lockhouse.reporting.sarif import sarif_log

TEXT: Mapping[str, Any] = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1}},
}
LOCATION: Mapping[str, Any] = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation", "region"],
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "properties": {"uri": {"type": "string"}, "uriBaseId": {"type": "string"}, "index": {"minimum": 0}},
                    "additionalProperties": False,
                },
                "region": {
                    "type": "object",
                    "required": ["startLine", "startColumn", "endLine", "endColumn"],
                    "additionalProperties": {"type": "integer", "minimum": 1},
                },
            },
            "additionalProperties": False,
        },
        "logicalLocations": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "type": "object",
                "required": ["name", "fullyQualifiedName", "kind"],
                "additionalProperties": {"type": "string"},
            },
        },
        "message": TEXT,
    },
    "additionalProperties": False,
}
REQUIRED: Mapping[str, Any] = {
    "type": "object",
    "required": ["version", "runs", "$schema"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "automationDetails": {"type": "object", "required": ["id"]},
                    "invocations": {"items": {"type": "object", "required": ["executionSuccessful"]}},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id", "shortDescription", "fullDescription", "help"],
                                            "properties": {
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "help": TEXT,
                                                "defaultConfiguration": {
                                                    "properties": {"level": {"enum": ["error", "warning", "note"]}}
                                                },
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
                            "properties": {
                                "level": {"enum": ["error", "warning", "note"]},
                                "message": TEXT,
                                "locations": {"type": "array", "minItems": 1, "items": LOCATION},
                                "partialFingerprints": {"additionalProperties": {"type": "string"}},
                                "codeFlows": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["threadFlows"],
                                        "properties": {
                                            "threadFlows": {
                                                "minItems": 1,
                                                "items": {
                                                    "required": ["locations"],
                                                    "properties": {
                                                        "locations": {
                                                            "minItems": 1,
                                                            "items": {"properties": {"location": LOCATION}},
                                                        }
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""What SARIF 2.1.0 requires of the objects that are written here (sections 3.13 to 3.52)."""

MANIFEST = """{
  "blacklist": ["bad"],
  "stages": [
    {"name": "base", "requirements": ["a==1.0"]}
  ],
  "exclude": [{"distribution": "b", "dependency": "c"}]
}
"""


def log_of(case: Case, text: str = MANIFEST, manifest: Path | None = None) -> Any:
    path = manifest or case.root / "manifests" / "demo file.json"
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text, encoding="utf-8")
    report = case.judge(with_wheels=False)
    log = json.loads(sarif_log(report, case.plan, case.context.plugins.audits(), path, case.root))
    Draft202012Validator(REQUIRED).validate(log)
    (run,) = log["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    return run


@pytest.fixture
def case(tmp_path: Path) -> Case:
    wheels = [WheelSpec("a", requires=["b"]), WheelSpec("b", requires=["bad>=0.5", "c"]), WheelSpec("bad")]
    manifest = {
        "blacklist": (BlacklistEntry(requirement="bad"),),
        "exclude": (Exclusion(distribution="b", dependency="c"),),
    }
    return Case(tmp_path, wheels, {"base": ["a==1.0"]}, manifest=manifest)


def test_a_refusal_points_at_the_requirement_that_brings_the_culprit_and_names_it(case: Case) -> None:
    run = log_of(case)
    result = next(item for item in run["results"] if item["ruleId"] == "blacklist.listed")
    assert result["level"] == "error"
    (location,) = result["locations"]
    physical = location["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "manifests/demo%20file.json"
    assert physical["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
    region = physical["region"]
    line = MANIFEST.splitlines()[region["startLine"] - 1]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == '"a==1.0"'
    assert location["logicalLocations"] == [{"name": "bad", "fullyQualifiedName": "pkg:pypi/bad@1.0", "kind": "module"}]
    flow = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in flow] == ["a==1.0", "b", "bad>=0.5"]
    assert "try: add " in result["message"]["text"]
    assert "stage base: a==1.0 → b → bad>=0.5" in result["message"]["text"]
    assert result["properties"]["cures"][0]["changes"]


def test_a_cut_edge_points_at_its_exclusion(case: Case) -> None:
    result = next(item for item in log_of(case)["results"] if item["ruleId"] == "exclusions.cut")
    assert result["level"] == "note"
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 6


def test_rules_are_described_in_their_own_words(case: Case) -> None:
    rules = {rule["id"]: rule for rule in log_of(case)["tool"]["driver"]["rules"]}
    assert rules["blacklist.listed"]["shortDescription"]["text"].startswith("Refuse distributions by name")
    assert "Rule: nothing that the manifest's blacklist names" in rules["blacklist.listed"]["help"]["text"]
    assert rules["blacklist.listed"]["defaultConfiguration"] == {"level": "error"}


class Strange:
    """Says strange things."""

    name = "strange"
    needs_wheels = False
    version = "1"

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings

    def examine(self, subject: object) -> tuple[Finding, ...]:
        return self.findings


def test_findings_of_plugins_about_anything_are_results(tmp_path: Path) -> None:
    said = [
        Finding(rule="strange", code=f"strange.{i}", severity="warn", distribution=name, chain=(), message="x", hint="")
        for i, name in enumerate(["", "a", "größe ☃"])
    ]
    run = log_of(Case(tmp_path, [WheelSpec("a")], {"base": ["a"]}, rules=[Strange(*said)]), "{}")
    assert len(run["results"]) == 3
    assert run["tool"]["driver"]["rules"][0]["shortDescription"]["text"] == "Says strange things."
    assert all(item["locations"][0]["physicalLocation"]["region"]["startLine"] == 1 for item in run["results"])


def test_nothing_found_is_a_run_without_results(tmp_path: Path) -> None:
    run = log_of(Case(tmp_path, [WheelSpec("a")], {"base": ["a"]}))
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"] == []


def test_a_manifest_outside_of_the_project_is_named_in_full(
    case: Case, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("elsewhere") / "demo.json"
    uri = log_of(case, manifest=path)["artifacts"][0]["location"]["uri"]
    assert uri == path.as_uri()


def test_a_finding_keeps_its_fingerprint_when_versions_move(tmp_path: Path) -> None:
    def fingerprint(version: str) -> str:
        wheels = [WheelSpec("a", version, requires=["bad"]), WheelSpec("bad", version)]
        manifest = {"blacklist": (BlacklistEntry(requirement="bad"),)}
        (result,) = log_of(Case(tmp_path, wheels, {"base": ["a"]}, manifest=manifest))["results"]
        found: str = result["partialFingerprints"]["lockhouse/v1"]
        return found

    assert fingerprint("1.0") == fingerprint("2.0")
