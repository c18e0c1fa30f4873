"""A refusal, its cures from the document, each applied to the manifest, and the scan again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.index import Index, serving
from fixtures.site import Site
from fixtures.wheels import WheelSpec
from lockhouse.codec import decode
from lockhouse.findings import Cure
from lockhouse.manifestfile.changing import cured


def only_refusal(site: Site) -> Any:
    result = site.run("--json", "scan")
    assert result.status == 3, result.err
    (finding,) = [item for item in result.document["findings"] if item["severity"] == "refuse"]
    return finding


def every_cure_works(site: Site, cures: list[Any]) -> None:
    path = site.root / "manifests" / "demo.json"
    refused = json.loads(path.read_text())
    for given in cures:
        path.write_text(json.dumps(cured(refused, decode(Cure, given))))
        result = site.run("--json", "scan")
        assert result.status == 0, (given, result.document["error"])


@pytest.fixture
def chain(site: Site) -> Site:
    site.wheel("trainer", "2.0", "core[gpu]>=1; python_version >= '3'")
    site.wheel("core", "1.5", "kernels[fast]<3; extra == 'gpu'", extras=["gpu"])
    site.wheel("kernels", "2.9", "quant>=0.1; extra == 'fast' and sys_platform != 'plan9'", extras=["fast"])
    site.wheel("quant", "0.15")
    site.wheel("good")
    stages = [{"name": "base", "requirements": ["good"]}, {"name": "train", "requirements": ["trainer==2.0"]}]
    site.manifest(stages=stages, blacklist=["quant"])
    return site


def test_a_chain_of_four_with_extras_and_markers_is_told_and_every_cure_makes_the_scan_pass(chain: Site) -> None:
    finding = only_refusal(chain)
    assert finding["chain"] == ["trainer", "core", "kernels", "quant"]
    (way,) = finding["chains"]
    assert way["stage"] == "train"
    assert [(step["requirement"], step["extras"], step["under"]) for step in way["steps"]] == [
        ("trainer==2.0", [], []),
        ('core[gpu]>=1; python_version >= "3"', ["gpu"], []),
        ('kernels[fast]<3; extra == "gpu"', ["fast"], ["gpu"]),
        ('quant>=0.1; extra == "fast" and sys_platform != "plan9"', [], ["fast"]),
    ]
    assert [cure["sure"] for cure in finding["cures"]] == [True, True, True]
    every_cure_works(chain, finding["cures"])


def test_two_chains_to_one_culprit_are_told_and_both_are_cut(chain: Site) -> None:
    chain.wheel("tools", "1.0", "quant")
    stages = [{"name": "base", "requirements": ["good", "tools"]}, {"name": "train", "requirements": ["trainer"]}]
    chain.manifest(stages=stages, blacklist=["quant"])
    finding = only_refusal(chain)
    assert [[step["name"] for step in way["steps"]] for way in finding["chains"]] == [
        ["tools", "quant"],
        ["trainer", "core", "kernels", "quant"],
    ]
    every_cure_works(chain, finding["cures"][:1])


def test_a_version_outside_of_the_window_is_what_the_index_has(chain: Site) -> None:
    chain.wheel("quant", "0.17")
    chain.manifest("trainer", "quant<0.16", blacklist=["quant<0.17"])
    finding = only_refusal(chain)
    cure = next(cure for cure in finding["cures"] if cure["changes"][0]["action"] == "replace")
    assert cure["text"] == "change quant<0.16 in stage base to quant>=0.17"
    every_cure_works(chain, [cure])


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Index]:
    """The index of cu124, beside the default one that has torch without a label and for the CPU."""
    with serving(tmp_path / "vendor") as index:
        WheelSpec("torch", "2.5.1+cu124", extras=["opt"]).build(index.folder)
        yield index


def routed(finding: Any) -> list[Any]:
    """The cures that say in the variant what to take, and where from."""
    return [cure for cure in finding["cures"] if [change["action"] for change in cure["changes"]] == ["route"]]


def test_of_an_unlabelled_build_the_cures_say_which_requirement_of_the_variant_to_change(
    site: Site, vendor: Index
) -> None:
    site.wheel("torch", "2.5.1", extras=["opt"])
    torch = {"requirement": "torch[opt]==2.5.1", "index": "default"}
    site.manifest(stages=[{"name": "ai", "requirements": [torch]}], variants={"cu124": {"index": vendor.url}})
    site.environment["LOCKHOUSE_ACCELERATOR"] = "cu124"
    finding = only_refusal(site)
    own, unlabelled = routed(finding)
    assert own["text"] == (
        "to take the variant's build, have variants.cu124.requirements say "
        '{"torch": {"requirement": "torch[opt]==2.5.1+cu124", "index": "variant"}}'
    )
    assert unlabelled["text"] == (
        "if the index default carries the cu124 build, have variants.cu124.requirements say "
        '{"torch": {"requirement": "torch[opt]==2.5.1", "index": "default"}}'
    )
    every_cure_works(site, [own, unlabelled])


def test_of_a_build_for_another_variant_the_cures_bring_this_one_s_or_choose_the_other(
    site: Site, vendor: Index
) -> None:
    site.wheel("torch", "2.5.1+cpu")
    site.wheel("vision", "1.0", "torch==2.5.1")
    wrong = {"index": vendor.url, "requirements": {"torch": {"requirement": "torch", "index": "default"}}}
    site.manifest("vision", variants={"cu124": wrong, "cpu": {"index": site.index.url}})
    site.environment["LOCKHOUSE_ACCELERATOR"] = "cu124"
    finding = only_refusal(site)
    assert finding["chain"] == ["vision", "torch"]
    assert "build for what it was built for: run with -a cpu" in [cure["text"] for cure in finding["cures"]]
    every_cure_works(site, routed(finding))
