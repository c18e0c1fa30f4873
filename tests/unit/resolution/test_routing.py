"""Which index serves which name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lockhouse.manifest import Manifest
from lockhouse.manifestfile import parse_manifest
from lockhouse.resolution.routing import Routing, wishes_of
from lockhouse_cpu.accelerator import CpuAccelerator
from lockhouse_metal.accelerator import MetalAccelerator


def manifest(*requirements: Any, **fields: Any) -> Manifest:
    return parse_manifest(
        {
            "name": "demo",
            "python": {"version": "3.11"},
            "variants": {"cpu": {}},
            "stages": [{"name": "base", "requirements": list(requirements)}],
            **fields,
        },
        "demo.json",
    )


def routing(wanted: Manifest) -> Routing:
    return Routing.of(wanted, wanted.variant("cpu"), CpuAccelerator(), "cpu", Path("/project"))


def test_family_is_routed_by_the_choice_of_a_variant() -> None:
    routes = routing(manifest("torch", "numpy"))
    assert routes.fixed["torch"] == "variant"
    assert "numpy" not in routes.fixed
    assert "triton" in routes.preferred
    assert routes.servers["variant"] == ("https://download.pytorch.org/whl/cpu",)


def test_default_frees_a_name_from_its_route() -> None:
    wanted = manifest(
        "torch", variants={"cpu": {"requirements": {"torch": {"requirement": "torch==2", "index": "default"}}}}
    )
    assert "torch" not in routing(wanted).fixed
    assert "torch" not in routing(wanted).preferred


def test_a_variant_without_an_index_has_its_builds_on_the_default_one() -> None:
    wanted = manifest({"requirement": "torch", "index": "variant"}, variants={"mps": {}})
    routes = Routing.of(wanted, wanted.variant("mps"), MetalAccelerator(), None, Path("/project"))
    assert (routes.fixed, routes.preferred, routes.servers) == ({}, frozenset(), {})


def test_named_index_and_stage_index_are_routes() -> None:
    wanted = manifest(
        {"requirement": "own", "index": "corp"},
        "numpy",
        indexes=[{"name": "corp", "url": "https://corp.example/simple", "explicit": True}],
    )
    assert routing(wanted).fixed["own"] == "corp"


def test_requirement_of_the_variant_replaces_that_of_the_stage() -> None:
    wanted = manifest(
        {"requirement": "torch>=2", "critical": True},
        variants={"cpu": {"requirements": {"Torch": "torch==2.7.1"}}},
    )
    ((stage, wish),) = wishes_of(wanted, wanted.variant("cpu"))
    assert (stage, wish.requirement, wish.critical) == ("base", "torch==2.7.1", True)


def test_an_index_has_its_mirrors_whoever_names_it() -> None:
    url = "https://corp.example/simple"
    corp = {"name": "corp", "url": url, "explicit": True, "mirrors": ["wheels"]}
    for named in ("corp", url):
        routes = routing(manifest("torch", variants={"cpu": {"index": named}}, indexes=[corp]))
        assert routes.servers["variant"] == routes.servers["corp"] == (url, "/project/wheels")
