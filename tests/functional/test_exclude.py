"""An edge that the manifest cuts: told by the scan, kept in the lock, and an error where it cuts nothing."""

from __future__ import annotations

import tomllib
from typing import Any

from fixtures.site import Site

EDGE: dict[str, Any] = {"distribution": "Mid", "dependency": "bad", "reason": "never imported"}


def test_a_cut_edge_is_told_and_locked_and_the_rest_of_the_graph_stays(site: Site) -> None:
    site.wheel("top", "1.0", "mid", "low")
    site.wheel("mid", "1.0", "bad>=1", "low")
    site.wheel("low")
    site.wheel("bad")
    site.manifest("top", blacklist=["bad"], exclude=[EDGE])
    assert site.run("install").status == 0

    table = tomllib.loads(site.lock().read_text(encoding="utf-8"))["tool"]["lockhouse"]
    assert table["excluded"] == [{**EDGE, "distribution": "mid", "requirement": "bad>=1"}]
    document = site.run("--json", "scan").document
    (note,) = document["findings"]
    assert (note["code"], note["chain"]) == ("exclusions.cut", ["top", "mid", "bad"])
    names = {item["name"] for item in site.run("--json", "plan").document["distributions"]}
    assert {"top", "mid", "low"} <= names
    assert "bad" not in names


def test_an_exclusion_that_cuts_nothing_is_refused_with_what_was_meant(site: Site) -> None:
    site.wheel("top", "1.0", "mid")
    site.wheel("mid")
    site.manifest("top", exclude=[{"distribution": "top", "dependency": "mids"}, {**EDGE, "distribution": "tob"}])
    result = site.run("--json", "scan")
    assert result.status == 3
    hints = {item["code"]: item["hint"].partition(";")[0] for item in result.document["findings"]}
    assert hints == {"exclusions.useless": "did you mean mid?", "exclusions.unknown": "did you mean top?"}
