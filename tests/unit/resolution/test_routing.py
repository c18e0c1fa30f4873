"""Which index serves which name, and what stands in for one that is out of reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.index import Index
from fixtures.wheels import build_wheel
from lockhouse.manifest import Manifest
from lockhouse.manifestfile import parse_manifest
from lockhouse.resolution.routing import Routing, Servers, local_folders, wishes_of
from lockhouse.wheels.client import Client
from lockhouse.wheels.configuration import read_pip_configuration
from lockhouse_cpu.accelerator import CpuAccelerator


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


def servers(wanted: Manifest, tmp_path: Path, *folders: Path, offline: bool = False) -> Servers:
    work = tmp_path / "work"
    work.mkdir()
    client = Client(read_pip_configuration(), offline=offline)
    return Servers(routing=routing(wanted), client=client, folders=folders, work=work)


def test_family_is_routed_by_the_choice_of_a_variant() -> None:
    routes = routing(manifest("torch", "numpy"))
    assert routes.fixed["torch"] == "variant"
    assert "numpy" not in routes.fixed
    assert "triton" in routes.preferred
    assert routes.servers["variant"] == "https://download.pytorch.org/whl/cpu"


def test_default_frees_a_name_from_its_route() -> None:
    wanted = manifest(
        "torch", variants={"cpu": {"requirements": {"torch": {"requirement": "torch==2", "index": "default"}}}}
    )
    assert "torch" not in routing(wanted).fixed
    assert "torch" not in routing(wanted).preferred


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


def test_index_that_answers_is_used_as_it_is(index: Index, tmp_path: Path) -> None:
    build_wheel(index.folder, "torch", "2.0+cpu")
    asked = servers(manifest("torch", variants={"cpu": {"index": index.url}}), tmp_path)
    assert asked.serves("variant", "torch")
    assert not asked.serves("variant", "torchvision")
    assert "does not serve torchvision" in asked.why_not("variant", "torchvision")
    (server,) = asked.explicit()
    assert (server.url, server.flat) == (index.url, False)


def test_what_was_asked_ahead_is_asked_once(index: Index, tmp_path: Path) -> None:
    for name in ("torch", "torchvision", "torchaudio"):
        build_wheel(index.folder, name, "2.0+cpu")
    asked = servers(manifest("torch", variants={"cpu": {"index": index.url}}), tmp_path)
    names = ["torch", "torchvision", "torchaudio", "triton"]
    asked.ask_ahead(("variant", name) for name in names)
    assert sorted(index.requests) == sorted(f"GET /simple/{name}/" for name in names)
    assert [asked.serves("variant", name) for name in names] == [True, True, True, False]
    assert len(index.requests) == 4


def test_index_out_of_reach_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_RETRIES", "0")
    wanted = manifest("torch", variants={"cpu": {"index": "http://127.0.0.1:9/whl/cpu"}})
    asked = servers(wanted, tmp_path)
    asked.ask_ahead(("variant", name) for name in ("torch", "torchvision"))
    assert not asked.serves("variant", "torchvision")
    assert len(asked.notes) == 1


@pytest.mark.parametrize("offline", [False, True])
def test_local_wheels_with_the_label_stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, offline: bool
) -> None:
    monkeypatch.setenv("PIP_RETRIES", "0")
    links = tmp_path / "links"
    build_wheel(links, "torch", "2.0+cpu")
    build_wheel(links, "torch", "2.0+cu124")
    build_wheel(links, "torch", "2.1")
    (links / "no wheel.whl").write_text("")
    wanted = manifest("torch", variants={"cpu": {"index": "http://127.0.0.1:9/whl/cpu"}})
    asked = servers(wanted, tmp_path, links, offline=offline)

    assert asked.serves("variant", "torch")
    assert not asked.serves("variant", "torchaudio")
    assert "+cpu" in asked.why_not("variant", "torchaudio")

    (server,) = asked.explicit()
    assert server.flat
    assert [path.name for path in Path(server.url).iterdir()] == ["torch-2.0+cpu-py3-none-any.whl"]
    found = Path(server.url) / "torch-2.0+cpu-py3-none-any.whl"
    assert asked.origin(found.as_uri(), found.name) == (links / found.name).as_uri()
    assert len(asked.notes) == 1


def test_only_folders_of_find_links_are_local(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    locations = [str(tmp_path / "a"), (tmp_path / "a").as_uri(), str(tmp_path / "b"), "https://example.org/links.html"]
    assert local_folders(locations) == (tmp_path / "a", tmp_path / "a")
