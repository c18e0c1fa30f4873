"""What explicit indexes are asked, at which of their addresses, and what stands in for one that is out of reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.index import Index, serving
from fixtures.wheels import build_wheel
from lockhouse.errors import Hint, ResolutionError
from lockhouse.manifest import Manifest
from lockhouse.manifestfile import parse_manifest
from lockhouse.resolution.hashes import with_hashes
from lockhouse.resolution.places import Places
from lockhouse.resolution.routing import Routing
from lockhouse.resolution.servers import Servers
from lockhouse.wheels.client import Client
from lockhouse.wheels.configuration import read_pip_configuration
from lockhouse.wheels.listing import folder_links
from lockhouse.wheels.wheelhouse import Wheelhouse, hash_file
from lockhouse_cpu.accelerator import CpuAccelerator


def manifest(*requirements: Any, **fields: Any) -> Manifest:
    stages = [{"name": "base", "requirements": list(requirements)}]
    return parse_manifest({"name": "demo", "python": {"version": "3.11"}, "stages": stages, **fields}, "demo.json")


def servers(wanted: Manifest, tmp_path: Path, *locations: Path | str, offline: bool = False) -> Servers:
    work = tmp_path / "work"
    work.mkdir()
    routing = Routing.of(wanted, wanted.variant("cpu"), CpuAccelerator(), "cpu", Path("/project"))
    return Servers(
        routing=routing,
        places=Places(addresses=routing.servers),
        client=Client(read_pip_configuration(), offline=offline, first_wait=0.001),
        locations=tuple(map(str, locations)),
        wheelhouse=Wheelhouse(tmp_path / "wheelhouse"),
        work=work,
    )


def test_index_that_answers_is_used_as_it_is(index: Index, tmp_path: Path) -> None:
    build_wheel(index.folder, "torch", "2.0+cpu")
    asked = servers(manifest("torch", variants={"cpu": {"index": index.url}}), tmp_path)
    assert asked.serves("variant", "torch")
    assert not asked.serves("variant", "torchvision")
    with pytest.raises(ResolutionError, match="torchvision cannot be planned") as caught:
        asked.require({"torch": "variant", "torchvision": "variant"})
    assert caught.value.cause == f"{index.url} does not serve torchvision"
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
    wheel = links / "torch-2.0+cpu-py3-none-any.whl"
    wanted = manifest("torch", variants={"cpu": {"index": "http://127.0.0.1:9/whl/cpu"}})
    asked = servers(wanted, tmp_path, links, offline=offline)

    assert asked.serves("variant", "torch")
    assert not asked.serves("variant", "torchaudio")
    with pytest.raises(ResolutionError, match="torchaudio, torchvision cannot be planned") as caught:
        asked.require({"torch": "variant", "torchaudio": "variant", "torchvision": "variant"})
    assert "no local wheel of torchaudio, torchvision labelled +cpu stands in for it" in str(caught.value.cause)

    (server,) = asked.explicit()
    assert not server.flat
    with Client(read_pip_configuration(), offline=True) as client:
        (link,) = client.project(server.url, "torch")
    assert (link.url, link.sha256) == (wheel.as_uri(), hash_file(wheel))
    assert len(asked.notes) == 1


@pytest.mark.parametrize("offline", [False, True])
def test_index_that_could_not_be_asked_may_have_what_others_would_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, offline: bool
) -> None:
    monkeypatch.setenv("PIP_RETRIES", "0")
    wanted = manifest("triton", variants={"cpu": {"index": "http://127.0.0.1:9/whl/cpu"}})
    asked = servers(wanted, tmp_path, offline=offline)
    assert asked.may_serve("variant", "triton") != offline
    with pytest.raises(ResolutionError, match="triton cannot be planned") as caught:
        asked.require({"triton": "variant"})
    assert "or have the variant's requirements take triton from the index default" in [
        hint.text for hint in caught.value.hints
    ]


def test_of_several_versions_only_those_in_the_wheelhouse_are_hashed(tmp_path: Path) -> None:
    """Nobody remembers the hashes of the others, and most of them will not be chosen."""
    wheelhouse = Wheelhouse(tmp_path / "wheelhouse")
    for version in ("1.0", "2.0"):
        build_wheel(tmp_path / "links", "torch", version)
    held = build_wheel(wheelhouse.folder, "torch", "3.0")
    links = (*folder_links(tmp_path / "links", "torch"), *folder_links(wheelhouse.folder, "torch"))
    assert [link.sha256 for link in with_hashes(links, wheelhouse)] == [None, None, hash_file(held)]


@pytest.mark.parametrize("offline", [False, True])
def test_who_lacks_an_index_is_told_all_that_can_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, offline: bool
) -> None:
    monkeypatch.setenv("PIP_RETRIES", "0")
    build_wheel(tmp_path / "links", "torch", "2.0+cu124")
    nowhere = {"index": "http://127.0.0.1:9/whl"}
    wanted = manifest("torch", variants={"cu118": nowhere, "cu124": nowhere, "cpu": nowhere})
    asked = servers(wanted, tmp_path, tmp_path / "links", offline=offline)
    with pytest.raises(ResolutionError, match="torch cannot be planned") as caught:
        asked.require({"torch": "variant"})
    hints = {hint.code: hint.text for hint in caught.value.hints}
    assert list(hints) == [
        *(["go-online", "bring-wheel"] if offline else ["check-network", "bring-wheel", "name-mirror"]),
        "other-variant",
    ]
    assert "a wheel of torch labelled +cpu into wheelhouse/" in hints["bring-wheel"]
    assert hints["other-variant"].endswith("-a cu124")
    assert offline or "variants.cpu.index" in hints["name-mirror"]
    with pytest.raises(ResolutionError) as caught:
        asked.require({"torch": "variant", "torchaudio": "variant"})
    assert "other-variant" not in {hint.code for hint in caught.value.hints}  # there is no torchaudio at all


def test_versions_that_only_stand_in_are_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_RETRIES", "0")
    build_wheel(tmp_path / "links", "torch", "2.0+cpu")
    wanted = manifest("torch", variants={"cpu": {"index": "http://127.0.0.1:9/whl"}})
    asked = servers(wanted, tmp_path, tmp_path / "links")
    assert asked.serves("variant", "torch")

    about = ResolutionError("no", cause="there is no torch==3.0", hints=[Hint("relax", "relax it")])
    asked.tell_of_stand_ins(about)
    assert str(about.cause).splitlines()[1].endswith("of torch there is only what stands in for it on this machine")
    assert [hint.code for hint in about.hints] == ["check-network", "bring-wheel", "name-mirror", "relax"]

    other = ResolutionError("no", cause="there is no torch-geometric==3.0")
    asked.tell_of_stand_ins(other)
    assert (other.cause, other.hints) == ("there is no torch-geometric==3.0", ())


def mirrored(url: str, *mirrors: str, explicit: bool = True) -> list[dict[str, Any]]:
    return [{"name": "corp", "url": url, "explicit": explicit, "mirrors": list(mirrors)}]


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_mirror_is_asked_where_the_index_refuses(index: Index, tmp_path: Path, status: int) -> None:
    index.faults.status["own"] = [status] * 9
    with serving(tmp_path / "mirror") as mirror:
        build_wheel(mirror.folder, "own")
        wanted = manifest({"requirement": "own", "index": "corp"}, indexes=mirrored(index.url, mirror.url))
        asked = servers(wanted, tmp_path)
        assert asked.serves("corp", "own")
        assert [server.url for server in asked.explicit()] == [mirror.url]
    (note,) = asked.places.notes
    assert mirror.url in note


def test_mirrors_are_asked_in_order_and_then_local_wheels(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_RETRIES", "0")
    build_wheel(tmp_path / "links", "own")
    index.faults.status["own"] = [503]
    wanted = manifest(
        {"requirement": "own", "index": "corp"},
        {"requirement": "other", "index": "corp"},
        indexes=mirrored("http://127.0.0.1:9/simple/", index.url, str(tmp_path / "missing")),
    )
    asked = servers(wanted, tmp_path, tmp_path / "links")
    assert asked.serves("corp", "own")
    assert not asked.serves("corp", "other")
    with pytest.raises(ResolutionError) as caught:
        asked.require({"other": "corp"})
    assert "neither the index corp nor its mirrors can be asked" in str(caught.value.cause)
    assert index.requests == ["GET /simple/own/"]


def test_index_that_merely_lacks_a_name_keeps_its_place(index: Index, tmp_path: Path) -> None:
    build_wheel(tmp_path / "mirror", "own")
    wanted = manifest({"requirement": "own", "index": "corp"}, indexes=mirrored(index.url, str(tmp_path / "mirror")))
    asked = servers(wanted, tmp_path)
    assert not asked.serves("corp", "own")
    assert asked.places.notes == []
