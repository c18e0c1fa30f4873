"""The files that a scan writes for others, also when it refuses the plan."""

from __future__ import annotations

import json

from fixtures.site import Site


def test_a_refused_scan_writes_its_reports_all_the_same(site: Site) -> None:
    site.wheel("top", "1.0", "bad")
    site.wheel("bad")
    manifest = site.manifest("top", blacklist=["bad"])
    sarif, graph = site.root / "scan.sarif", site.root / "scan.svg"
    result = site.run("scan", "--sarif", str(sarif), "--graph", str(graph))
    assert result.status == 3
    (run,) = json.loads(sarif.read_text())["runs"]
    (found,) = run["results"]
    physical = found["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "manifests/demo.json"
    line = manifest.read_text().splitlines()[physical["region"]["startLine"] - 1]
    assert line.strip() == '"top"'
    assert "✗ bad" in graph.read_text(encoding="utf-8")

    site.manifest("top", exclude=[{"distribution": "top", "dependency": "bad"}])
    document = site.run("--json", "scan", "--sarif", str(sarif)).document
    assert document["ok"]
    (run,) = json.loads(sarif.read_text())["runs"]
    assert [item["ruleId"] for item in run["results"]] == ["exclusions.cut"]


def test_a_picture_that_would_be_none_is_a_mistake_of_the_command_line(site: Site) -> None:
    site.manifest("top")
    result = site.run("--json", "scan", "--graph", "scan.png")
    assert result.status == 2
    assert ".svg" in result.document["error"]["hints"][0]["text"]
