"""Plans and scans of the manifests for every accelerator, made on one machine by override against local indexes."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from fixtures.accelerators import ACCELERATORS
from fixtures.drivers import CUDA, NVML, build, needs_stand_ins
from fixtures.index import Index, serving
from fixtures.site import RELEASE, Site
from fixtures.torches import stand_in
from fixtures.wheels import WheelSpec, build_wheel

MANIFESTS = Path(__file__).parents[2] / "manifests"
LABELLED = {"torch", "torchvision", "torchaudio"}
TRITON = {"cuda": "triton", "rocm": "triton-rocm", "xpu": "triton-xpu"}


def wanted(line: Any) -> tuple[str, str]:
    """Name and lowest version of what a manifest asks for."""
    requirement = Requirement(line if isinstance(line, str) else line["requirement"])
    bounds = [item.version for item in requirement.specifier if item.operator in ("==", ">=")]
    return requirement.name, bounds[0] if bounds else "1.0"


def accelerator_of(variant: str) -> str:
    return next(item.namespace for item in ACCELERATORS if item.claims(variant))


class Vendors:
    """Indexes as vendors have them, one for each variant, and the default one with builds of the same names."""

    def __init__(self, folder: Path, default: Index, manifest: dict[str, Any], stack: ExitStack) -> None:
        self.indexes: dict[str, Index] = {}
        required = [wanted(line) for stage in manifest["stages"] for line in stage["requirements"]]
        for name, version in required:
            # Of the family too: unlabelled, and newer, as somebody else could have put it there.
            build_wheel(default.folder, name, version, "rest")
            if name in LABELLED:
                build_wheel(default.folder, name, f"{version}.post9")
        build_wheel(default.folder, "rest")
        for stub in TRITON.values():  # the default index has all three names, and of two of them nothing that works
            build_wheel(default.folder, stub, "99.0")
        for variant in manifest["variants"]:
            if variant == "mps":
                continue  # its builds are on the default index
            index = self.indexes[variant] = stack.enter_context(serving(folder / variant))
            triton = TRITON.get(accelerator_of(variant))
            needs = [f"{triton}==3.1.0"] if triton else []
            for name, version in required:
                if name in LABELLED:
                    build_wheel(index.folder, name, f"{version}+{variant}", *(needs if name == "torch" else ["torch"]))
            if triton:
                build_wheel(index.folder, triton, "3.1.0")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def set_up(site: Site, tmp_path: Path, stack: ExitStack, name: str) -> Vendors:
    """Write a manifest of the repository whose variants are served from here."""
    manifest = json.loads((MANIFESTS / f"{name}.json").read_text(encoding="utf-8"))
    vendors = Vendors(tmp_path / "vendors", site.index, manifest, stack)
    for variant, index in vendors.indexes.items():
        manifest["variants"][variant]["index"] = index.url
    del manifest["$schema"]
    site.manifest(**{**manifest, "python": {"version": RELEASE}})
    return vendors


def planned(site: Site, name: str) -> Any:
    """The plan of the last run."""
    return json.loads((site.root / ".lockhouse" / name / "plan.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "variants"),
    [
        ("llm-2024", ["cu124", "cu121", "cu118", "cpu"]),
        ("llm", ["cu130", "cu126", "rocm7.2", "xpu", "mps", "cpu"]),
    ],
)
def test_every_variant_takes_the_family_from_its_own_index_and_all_else_from_the_default_one(
    site: Site, tmp_path: Path, stack: ExitStack, name: str, variants: list[str]
) -> None:
    vendors = set_up(site, tmp_path, stack, name)
    assert [variant for variant in variants if variant not in vendors.indexes] == ["mps"] * ("mps" in variants)
    for variant in variants:
        result = site.run("-a", variant, "scan")
        assert result.status == 0, result.err
        plan = planned(site, name)
        assert plan["target"]["variant"] == variant
        vendor = vendors.indexes.get(variant)
        family = {*LABELLED, TRITON.get(accelerator_of(variant), "torch")}
        found = {item["name"]: item for item in plan["distributions"]}
        assert family <= found.keys()
        for item in found.values():
            home = vendor if vendor and item["name"] in family else site.index
            assert item["url"].startswith(home.base), (variant, item["url"])
        labels = {found[name]["version"].partition("+")[2] for name in LABELLED}
        assert labels == {variant if vendor else ""}


def test_what_the_variant_s_index_lacks_is_not_taken_from_another_one(
    site: Site, tmp_path: Path, stack: ExitStack
) -> None:
    vendor = set_up(site, tmp_path, stack, "llm-2024").indexes["cu124"]
    (lost,) = vendor.folder.glob("torchaudio-*")
    lost.unlink()
    result = site.run("-a", "cu124", "plan")
    assert result.status == 1
    assert "torchaudio cannot be planned" in result.err
    assert f"{vendor.url} does not serve torchaudio" in result.err


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "of-a-dependency"])
def test_what_the_variant_s_index_could_not_be_asked_for_is_not_taken_from_another_one(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, listed: bool
) -> None:
    monkeypatch.setenv("PIP_RETRIES", "0")
    site.wheel("triton", "3.1.0")
    site.wheel("kernels", "1.0", "triton")
    asked = "triton" if listed else "kernels"
    site.manifest(asked, variants={"cu124": {"index": "http://127.0.0.1:9/simple"}})
    refused = site.run("-a", "cu124", "plan")
    assert refused.status == 1
    assert "no local wheel of triton stands in for it" in refused.err
    wanted = {"triton": {"requirement": "triton", "index": "default"}}
    site.manifest(asked, variants={"cu124": {"index": "http://127.0.0.1:9/simple", "requirements": wanted}})
    assert site.run("-a", "cu124", "plan").status == 0


def test_a_release_that_was_not_built_for_the_variant_is_told_with_those_it_was_built_for(
    site: Site, tmp_path: Path, stack: ExitStack
) -> None:
    vendor = set_up(site, tmp_path, stack, "llm-2024").indexes["cu118"]
    (other,) = vendor.folder.glob("torch-*")
    other.unlink()
    build_wheel(vendor.folder, "torch", "2.7.1+cu118")
    result = site.run("-a", "cu118", "plan")
    assert result.status == 1
    assert "try: PyTorch publishes torch 2.5 for cu118, cu121, cu124, rocm6.1, rocm6.2 and cpu" in result.err


def test_an_unlabelled_build_is_refused_unless_the_manifest_says_that_the_default_index_carries_it(
    site: Site, index: Index, tmp_path: Path
) -> None:
    def manifest(**variant: Any) -> None:
        stages = [{"name": "torch", "index": "variant", "requirements": ["torch==2.5.1"]}]
        site.manifest(stages=stages, variants={"cu124": {"index": vendor.url, **variant}})

    with serving(tmp_path / "vendor") as vendor:
        build_wheel(vendor.folder, "torch", "2.5.1")
        build_wheel(index.folder, "torch", "2.5.1")
        manifest()
        refused = site.run("-a", "cu124", "scan")
        manifest(requirements={"torch": {"requirement": "torch==2.5.1", "index": "default"}})
        accepted = site.run("-a", "cu124", "scan")
    assert refused.status == 3, refused.err
    assert "torch 2.5.1 carries no label, so it is not the build for cu124 (+cu124)" in refused.err
    assert accepted.status == 0, accepted.err
    (torch,) = (item for item in planned(site, "demo")["distributions"] if item["name"] == "torch")
    assert torch["url"].startswith(site.index.base)


def test_a_hung_nvidia_smi_costs_its_time_limit_once_and_detection_still_answers(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "trace"
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho asked >> {trace}\nexec sleep 3600\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    site.wheel("torch", "1.0+cpu")
    site.manifest("torch", variants={"cu124": {"index": site.index.url}, "cpu": {"index": site.index.url}})
    document = site.run("--json", "detect").document
    assert document["variant"] == "cpu"
    (probe,) = (item for item in document["probes"] if item["name"] == "cuda:nvidia-smi")
    assert (probe["answer"], probe["error"]) == (None, "no answer within 10 s; stopped")
    assert 10 <= probe["seconds"] < 20
    assert site.run("scan").status == 0
    assert trace.read_text(encoding="utf-8") == "asked\n"


@needs_stand_ins
def test_planning_warns_of_a_device_that_the_variant_would_lose(site: Site, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "nvidia-smi"
    rows = ("0, NVIDIA GeForce RTX 3090, 575.57.08, 8.6, 24576", "1, NVIDIA GeForce RTX 5090, 575.57.08, 12.0, 32768")
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n" + "".join(f"echo '{row}'\n" for row in rows), encoding="utf-8")
    program.chmod(0o755)
    build(tmp_path / "drivers", "libcuda.so.1", CUDA, initialised=999)
    site.environment["PATH"] = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    site.environment["LD_LIBRARY_PATH"] = str(tmp_path / "drivers")
    site.wheel("torch", "1.0+cu124")
    site.manifest("torch", variants={"cu124": {"index": site.index.url}})
    result = site.run("plan")
    assert result.status == 0, result.err
    assert (
        "warning: device 1 (NVIDIA GeForce RTX 5090) will not be usable: compute capability 12.0 needs CUDA 12.8"
        in result.err
    )


@needs_stand_ins
def test_a_lock_says_which_evidence_is_missing_and_earns_it_where_the_hardware_is(
    site: Site, index: Index, tmp_path: Path
) -> None:
    code = stand_in(names=["NVIDIA H200"] * 2, capabilities=["9.0"] * 2)
    WheelSpec("torch", "2.5.1+cu124", files={"torch.py": code}).build(index.folder)
    site.manifest("torch==2.5.1", variants={"cu124": {"index": index.url}})

    def evidence() -> Any:
        return tomllib.loads(site.lock().read_text(encoding="utf-8"))["tool"]["lockhouse"]["evidence"]

    elsewhere = site.run("-a", "cu124", "install")
    assert elsewhere.status == 0, elsewhere.err
    checks = {check["name"]: check for check in evidence()["checks"]}
    check = checks["cuda: torch computes on every device"]
    assert (check["outcome"], check["reason"]) == ("skipped", "no cuda device on this machine")
    assert "driver" not in evidence()["hardware"]

    site.environment["LD_LIBRARY_PATH"] = str(tmp_path / "drivers")
    build(tmp_path / "drivers", "libnvidia-ml.so.1", NVML)
    build(tmp_path / "drivers", "libcuda.so.1", CUDA)
    here = site.run("install")
    assert here.status == 0, here.err
    checks = {check["name"]: check for check in evidence()["checks"]}
    assert checks["cuda: torch computes on every device"]["outcome"] == "passed"
    assert evidence()["hardware"]["driver"] == "580.95.05"
    assert [device["capability"] for device in evidence()["hardware"]["devices"]] == ["9.0", "9.0"]

    build(tmp_path / "drivers", "libnvidia-ml.so.1", NVML, driver="590.44.01")
    changed = site.run("--json", "verify")
    assert changed.status == 0, changed.err
    assert changed.document["changes"] == ["driver: 580.95.05 then, 590.44.01 now"]
    assert "warning: the hardware is not that of the last proof: driver: 580.95.05 then" in changed.err
    assert changed.document["hardware"]["driver"] == "590.44.01"
