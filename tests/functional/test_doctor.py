"""The doctor: sees what is wrong, wherever it is, and changes nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from fixtures.documents import valid
from fixtures.hosts import make_host
from fixtures.servers import Request, answering, reply
from fixtures.site import Result, Site
from fixtures.wheels import WheelSpec


def examined(site: Site, *options: str) -> tuple[Result, dict[str, list[Any]]]:
    result = site.run("--json", *options, "doctor")
    remarks: dict[str, list[Any]] = {}
    for remark in valid(result.document)["remarks"]:
        remarks.setdefault(remark["subject"], []).append(remark)
    return result, remarks


def test_a_healthy_project_has_no_problem_and_is_not_changed(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    site.installed()
    before = times(site)
    result, remarks = examined(site)
    assert result.status == 0, result.err
    assert {remark["state"] for remark in result.document["remarks"]} == {"ok"}
    assert set(remarks) >= {"lockhouse", "manifest", "plugins", "machine", "caches", "environment", "lock", "indexes"}
    assert times(site) == before


def times(site: Site) -> dict[Path, int]:
    """When manifest, lock, wheels and environments were written; what lockhouse remembers for itself may change."""
    files = (path for path in site.root.rglob("*") if path.is_file())
    counted = (path for path in files if ".lockhouse" not in path.parts or "generations" in path.parts)
    return {path: path.stat().st_mtime_ns for path in counted}


def test_all_that_is_wrong_is_told_at_once(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    site.installed()
    (site.site_packages() / "alpha" / "__init__.py").unlink()
    (site.root / "plugins").mkdir()
    (site.root / "plugins" / "broken.py").write_text("import nothing_of_that_name\n")
    site.manifest("alpha", "beta", published=(site.root / "gone.json").as_uri())
    result, remarks = examined(site)
    assert (result.status, result.document["error"]["code"]) == (1, "checkup")
    assert "alpha/__init__.py" in remarks["environment"][0]["text"]
    assert "beta (stage base) is not in the lock" in remarks["lock"][0]["text"]
    assert any("broken" in remark["text"] and remark["state"] == "warning" for remark in remarks["plugins"])
    assert remarks["published"][0]["state"] == "warning"
    shown = site.run("doctor")
    assert shown.status == 1
    assert "is not what was installed" in " ".join(shown.out.split())
    assert "error: the doctor found a problem" in shown.err


def test_a_broken_manifest_is_one_problem_among_others(site: Site) -> None:
    site.manifest("alpha").write_text('{"name": "demo", "stagess": []}')
    result, remarks = examined(site)
    assert result.status == 1
    assert "did you mean" in remarks["manifest"][0]["text"]
    assert remarks["plugins"][0]["state"] == "ok"


def test_an_older_manifest_is_compared_with_the_published_one(site: Site) -> None:
    site.wheel("alpha", "1.0")
    published = {"version": "2.0", "stages": [{"name": "base", "requirements": ["alpha==2.0"]}]}

    def answer(request: Request) -> None:
        document = json.loads((site.root / "manifests" / "demo.json").read_text()) | published
        reply(request, 200, json.dumps(document).encode())

    with answering(answer) as url:
        site.manifest("alpha==1.0", version="1.0", published=f"{url}/demo.json")
        site.installed()
        result, remarks = examined(site)
        offline, told = examined(site, "--offline")
    assert result.status == offline.status == 0
    text = "demo.json is older than the published one: version 1.0 here, 2.0 published"
    assert remarks["published"][0]["text"] == text
    comparison = result.document["published"]
    assert comparison["relation"] == "older"
    assert comparison["differences"] == [
        {
            "what": "alpha in stage base",
            "here": "alpha==1.0",
            "published": "alpha==2.0",
            "effect": "alpha would move from 1.0, which is locked",
        }
    ]
    assert offline.document["published"] is None
    assert "--offline" in told["published"][0]["text"]


def test_an_index_that_is_out_of_reach_is_a_warning_soon(site: Site) -> None:
    site.manifest("alpha", indexes=[{"name": "house", "url": "http://127.0.0.1:9/simple"}])
    began = time.monotonic()
    result, remarks = examined(site)
    assert result.status == 0
    assert remarks["indexes"][0]["state"] == "warning"
    assert "house does not answer" in remarks["indexes"][0]["text"]
    assert time.monotonic() - began < 60


def test_a_host_is_looked_at_where_it_is(site: Site, tmp_path: Path) -> None:
    host = make_host(tmp_path / "somewhere", WheelSpec("precious", "2.0"))
    site.wheel("alpha")
    python = {"version": host.inventory().interpreter.release, "provider": "host"}
    fields: dict[str, Any] = {"python": python, "environment": {"path": str(host.root)}}
    site.manifest("alpha", protect=["precious", "absent"], **fields)
    result, remarks = examined(site)
    assert result.status == 0, result.err
    assert [(remark["state"], remark["text"]) for remark in remarks["environment"]] == [
        ("ok", f"host {host.root}, 1 distribution"),
        ("warning", "absent is to be protected, and is not there"),
        ("ok", "protected, and whole as their RECORDs tell: precious 2.0"),
        ("note", "nothing of this manifest has been added"),
    ]
    site.installed()
    assert examined(site)[1]["environment"][-1]["text"].endswith("is added, every file is the one that was")
    (host.packages / "alpha" / "__init__.py").unlink()
    (host.packages / "precious" / "__init__.py").write_text("# damaged")
    result, remarks = examined(site)
    assert result.status == 1
    told = {remark["text"] for remark in remarks["environment"]}
    assert "protected precious 2.0 is not what its RECORD says: precious/__init__.py" in told
    (problem,) = (remark for remark in remarks["environment"] if remark["state"] == "problem")
    assert "alpha/__init__.py" in problem["text"]
