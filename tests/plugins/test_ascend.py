"""The example, as a stranger uses it: built, installed beside lockhouse, and run on a machine that is recorded."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.site import RELEASE, Site
from lockhouse.testing.index import Index, serving
from lockhouse.testing.machines import RecordedMachine, load_machine
from lockhouse.testing.wheels import WheelSpec

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "lockhouse-ascend"

TORCH = """
class Tensor:
    def __init__(self, rows): self.rows = rows
    def reshape(self, *shape): return self
    def to(self, device): return self
    def cpu(self): return self
    def __mod__(self, number): return Tensor([value % number for value in self.rows])
    def __matmul__(self, other): return Tensor([a * b for a, b in zip(self.rows, other.rows)])

float32 = "float32"
def arange(count, dtype): return Tensor(list(range(count)))
def equal(one, other): return one.rows == other.rows
"""
TORCH_NPU = """
import torch

class npu:
    @staticmethod
    def device_count(): return DEVICES
    @staticmethod
    def get_device_name(index): return f"Ascend 910B3 number {index}"

torch.npu = npu
"""
"""Stand-ins for what is gigabytes: the few calls that the plugin's check makes."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a recorded Linux machine")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of a fresh environment that has lockhouse, and the example built and installed by pip."""
    folder = tmp_path_factory.mktemp("stranger") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    (site_packages,) = folder.glob("lib/python*/site-packages")
    # What this interpreter has, lockhouse and its dependencies, without a network; the plugin is not among it.
    # The environment that the tests run in may itself lie in the checkout.
    places = [Path(path) for path in sys.path if path]
    beside = [
        path
        for path in places
        if not path.is_relative_to(ROOT) or path.parent == ROOT or path.is_relative_to(sys.prefix)
    ]
    (site_packages / "beside.pth").write_text("".join(f"{path}\n" for path in beside))
    pip = [str(python), "-m", "pip", "install", "--no-index", "--no-build-isolation", "--no-deps", "--quiet"]
    subprocess.run([*pip, str(EXAMPLE)], check=True, timeout=300)
    return str(python)


@dataclass
class Npu:
    """A project on a recorded machine with NPUs, and the vendor's index."""

    site: Site
    vendor: Index
    devices: int = 2

    def wheels(self) -> None:
        """Serve torch where everybody finds it, torch-npu where the vendor has it, for one release of CANN."""
        self.site.wheel("torch", "2.9.0", files={"torch/__init__.py": TORCH})
        code = TORCH_NPU.replace("DEVICES", str(self.devices))
        wheel = WheelSpec("torch-npu", "2.9.0", ["torch==2.9.0"], files={"torch_npu/__init__.py": code})
        wheel.build(self.vendor.folder)

    def manifest(self, **fields: Any) -> None:
        stages = [{"name": "torch", "requirements": ["torch", "torch-npu"]}]
        self.site.manifest(stages=stages, variants={"cann9.0": {}, "cann8.5": {}, "cpu": {}}, **fields)


@pytest.fixture
def npu(tmp_path: Path, site: Site, stranger: str) -> Iterator[Npu]:
    machine = load_machine(EXAMPLE / "machines" / "atlas-800-910b3.json")
    site.runner = stranger
    site.environment |= machine.put_on_path(tmp_path / "bin") | install_cann(machine, tmp_path / "cann")
    # The machine that runs the tests has a CPU of its own, and may have GPUs.
    site.environment["LOCKHOUSE_DISABLE_PLUGINS"] = "cuda,rocm,xpu,metal"
    with serving(tmp_path / "vendor") as vendor:
        site.environment["LOCKHOUSE_ASCEND_INDEX"] = f"{vendor.url}{{variant}}/"
        made = Npu(site, vendor)
        made.wheels()
        yield made


def install_cann(machine: RecordedMachine, folder: Path) -> dict[str, str]:
    """Write CANN's file where this machine allows it; the variable that says where."""
    ((name, content),) = [item for item in machine.files.items() if item[0].endswith("ascend_toolkit_install.info")]
    path = folder / Path(name).parent.name / Path(name).name
    path.parent.mkdir(parents=True)
    path.write_text(content)
    return {"ASCEND_HOME_PATH": str(folder)}


def test_it_is_a_plugin_like_any_other(npu: Npu) -> None:
    plugins = {item["name"]: item for item in npu.site.run("--json", "plugins").document["plugins"]}
    ascend = plugins["ascend"]
    assert (ascend["status"], ascend["origin"], ascend["hooks"]) == (
        "active",
        "entry-point",
        ["lockhouse_accelerators"],
    )
    assert (ascend["distribution"], ascend["version"]) == ("lockhouse-ascend", "0.1.0")


def test_detect_names_the_devices_and_chooses_the_variant(npu: Npu) -> None:
    npu.manifest()
    document = npu.site.run("--json", "detect").document
    assert (document["accelerator"], document["variant"]) == ("ascend", "cann8.5")
    named = [device["name"] for device in document["devices"] if device["accelerator"] == "ascend"]
    assert named == ["Ascend 910B3", "Ascend 910B3"]
    assert {device["memory"] for device in document["devices"] if device["accelerator"] == "ascend"} == {65536 << 20}


def test_an_environment_is_planned_installed_verified_and_locked_for_its_variant(npu: Npu) -> None:
    npu.manifest()
    planned = npu.site.run("--json", "plan")
    assert planned.status == 0, planned.err
    plan = planned.document
    urls = {item["name"]: item["url"] for item in plan["distributions"]}
    assert plan["variant"] == "cann8.5"
    assert urls["torch-npu"].startswith(npu.vendor.base)
    assert urls["torch"].startswith(npu.site.index.base)
    assert "GET /simple/cann8.5/torch-npu/" in npu.vendor.requests

    npu.site.installed()
    lock = npu.site.lock()
    assert lock.name == f"pylock.demo-cann8_5-linux_{os.uname().machine}-cp{RELEASE.replace('.', '')}.toml"
    text = lock.read_text()
    assert 'ascend = "0.1.0"' in text
    assert "Ascend 910B3" in text

    verified = npu.site.run("--json", "verify").document
    (check,) = [item for item in verified["checks"] if item["name"] == "ascend: torch computes on every NPU"]
    assert verified["ok"]
    assert check["ok"]
    assert check["output"].count("multiplies matrices as the CPU does") == 2


def test_without_the_plugin_its_proof_is_told_as_missing(npu: Npu) -> None:
    npu.manifest()
    npu.site.installed()
    npu.site.environment["LOCKHOUSE_DISABLE_PLUGINS"] += ",ascend"
    verified = npu.site.run("--json", "verify").document
    (check,) = [item for item in verified["checks"] if item["name"].startswith("ascend: ")]
    assert (check["ok"], check["output"]) == (False, "no plugin knows the accelerator ascend")


def test_an_npu_that_torch_does_not_see_fails_the_proof(npu: Npu) -> None:
    npu.devices = 1
    npu.wheels()
    npu.manifest()
    result = npu.site.run("install")
    assert result.status == 1
    assert "torch sees 1 of 2 NPUs" in result.err
    assert not npu.site.venv.exists()


def test_its_own_test_passes_beside_pytest_and_the_fixtures_of_lockhouse(stranger: str, tmp_path: Path) -> None:
    command = [stranger, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(EXAMPLE)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr
