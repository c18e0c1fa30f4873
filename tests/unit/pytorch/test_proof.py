"""The proof that an environment computes, run in an interpreter with a stand-in for torch."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fixtures.torches import stand_in
from lockhouse.host import AcceleratorReading, Device
from lockhouse.manifest import Check
from lockhouse_cuda.accelerator import CudaAccelerator
from lockhouse_metal.accelerator import MetalAccelerator
from lockhouse_pytorch.check import Expected, torch_check
from lockhouse_pytorch.proof import covered
from lockhouse_rocm.accelerator import RocmAccelerator
from lockhouse_xpu.accelerator import XpuAccelerator


@dataclass
class Torch:
    """A torch that was built so and sees these devices."""

    folder: Path
    version: dict[str, str | None] = field(default_factory=lambda: {"cuda": "12.4", "hip": None})
    names: list[str] = field(default_factory=lambda: ["NVIDIA H200"])
    capabilities: list[str] = field(default_factory=lambda: ["9.0"])
    architectures: list[str] = field(default_factory=lambda: ["sm_80", "sm_90"])
    right: bool = True
    allocates: bool = True
    leaks: bool = False
    built: bool = True

    def run(self, check: Check, **variables: str) -> subprocess.CompletedProcess[str]:
        settings = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "folder"}
        (self.folder / "torch.py").write_text(stand_in(**settings), encoding="utf-8")
        hiding = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")
        environ = {name: value for name, value in os.environ.items() if name not in hiding}
        return subprocess.run(
            [sys.executable, "-S", "-c", check.run],
            cwd=self.folder,
            env={**environ, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def cuda_check(*devices: tuple[str, str], variant: str = "cu124", notes: tuple[str, ...] = ()) -> Check:
    found = tuple(
        Device(index=index, name=name, memory=1, capability=capability)
        for index, (name, capability) in enumerate(devices)
    )
    reading = AcceleratorReading(namespace="cuda", present=True, runtime="12.4", devices=found, notes=notes)
    (check,) = CudaAccelerator().checks(variant, reading)
    return check


H200 = ("NVIDIA H200", "9.0")


def test_a_right_result_on_every_device_is_a_proof(tmp_path: Path) -> None:
    done = Torch(tmp_path).run(cuda_check(H200))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "device 0 (NVIDIA H200, 9.0): allocated and freed 64 MiB, computed what the CPU computes; "
        "architectures of the build: sm_80 sm_90\n"
    )


def test_the_check_is_for_environments_with_torch() -> None:
    check = cuda_check(H200)
    assert (check.requires, check.critical, check.needs) == ("cuda", True, ("torch",))


@pytest.mark.parametrize(
    ("torch", "complaint"),
    [
        ({"version": {"cuda": None}}, "torch 2.5.1 is a build without CUDA"),
        ({"version": {"cuda": "12.1"}}, "is built with CUDA 12.1, not 12.4"),
        ({"names": []}, "finds no usable device"),
        ({"names": ["NVIDIA H200"] * 2, "capabilities": ["9.0"] * 2}, "device 1 is NVIDIA H200 (9.0); detection saw"),
        ({"names": ["NVIDIA A100"]}, "device 0 is NVIDIA A100 (9.0); detection saw NVIDIA H200 (9.0)"),
        ({"capabilities": ["8.0"]}, "device 0 is NVIDIA H200 (8.0); detection saw NVIDIA H200 (9.0)"),
        ({"architectures": ["sm_70", "sm_86"]}, "device 0 (NVIDIA H200, 9.0): torch 2.5.1 has code for"),
        ({"allocates": False}, "64 MiB were asked for, 1 bytes were allocated"),
        ({"leaks": True}, "memory that was freed is still allocated"),
        ({"right": False}, "computes wrong results"),
    ],
)
def test_what_does_not_compute_is_named(tmp_path: Path, torch: dict[str, object], complaint: str) -> None:
    done = Torch(tmp_path, **torch).run(cuda_check(H200))  # type: ignore[arg-type]
    assert done.returncode != 0
    assert complaint in done.stderr


def test_a_device_that_torch_does_not_see_is_named(tmp_path: Path) -> None:
    done = Torch(tmp_path).run(cuda_check(H200, ("NVIDIA L4", "8.9")))
    assert done.returncode != 0
    assert "torch does not see NVIDIA L4 (8.9)" in done.stderr


def test_a_shell_that_hides_every_device_does_not_matter(tmp_path: Path) -> None:
    assert Torch(tmp_path).run(cuda_check(H200), CUDA_VISIBLE_DEVICES="").returncode == 0


def test_a_shell_that_chooses_devices_has_those_proven(tmp_path: Path) -> None:
    done = Torch(tmp_path).run(cuda_check(H200, H200), CUDA_VISIBLE_DEVICES="1")
    assert done.returncode == 0
    assert "CUDA_VISIBLE_DEVICES: 1 of 2 devices are shown to programs" in done.stdout


def test_of_a_partitioned_device_the_part_that_is_seen_is_proven(tmp_path: Path) -> None:
    notes = ("device 0 (NVIDIA H200) is partitioned (MIG): a program sees one part of it",)
    torch = Torch(tmp_path, names=["NVIDIA H200 MIG 1g.18gb"])
    assert torch.run(cuda_check(H200, H200, notes=notes)).returncode == 0


def test_devices_are_told_apart_by_the_whole_name(tmp_path: Path) -> None:
    names = ["NVIDIA GeForce RTX 4090 D", "NVIDIA GeForce RTX 4090"]
    torch = Torch(tmp_path, names=names, capabilities=["8.9", "8.9"], architectures=["sm_89"])
    done = torch.run(cuda_check((names[1], "8.9"), (names[0], "8.9")))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_device_that_was_given_up_need_not_compute(tmp_path: Path) -> None:
    names = ["NVIDIA GeForce RTX 3090", "NVIDIA GeForce RTX 5090"]
    torch = Torch(tmp_path, names=names, capabilities=["8.6", "12.0"], architectures=["sm_86"])
    done = torch.run(cuda_check((names[0], "8.6"), (names[1], "12.0")))
    assert (done.returncode, done.stderr) == (0, "")
    assert "RTX 5090, 12.0): not usable, as foreseen: compute capability 12.0 needs CUDA 12.8 or newer" in done.stdout


def rocm_check(*devices: tuple[str, str]) -> Check:
    found = tuple(Device(index=i, name=name, capability=target) for i, (name, target) in enumerate(devices))
    (check,) = RocmAccelerator().checks("rocm6.2.4", AcceleratorReading(namespace="rocm", present=True, devices=found))
    return check


def test_rocm_is_asked_through_torch_s_cuda_interface_and_knows_targets(tmp_path: Path) -> None:
    torch = Torch(
        tmp_path,
        version={"cuda": None, "hip": "6.2.41134-65d174c3e"},
        names=["AMD Instinct MI300X"],
        capabilities=["gfx942:sramecc+:xnack-"],
        architectures=["gfx90a", "gfx942"],
    )
    done = torch.run(rocm_check(("AMD Instinct MI300X", "gfx942")), HIP_VISIBLE_DEVICES="-1")
    assert (done.returncode, done.stderr) == (0, "")
    torch.architectures = ["gfx90a"]
    assert "has code for ['gfx90a']" in torch.run(rocm_check(("AMD Instinct MI300X", "gfx942"))).stderr
    torch.version = {"cuda": "12.4", "hip": None}
    assert "is a build without HIP" in torch.run(rocm_check(("AMD Instinct MI300X", "gfx942"))).stderr


@pytest.mark.parametrize("name", ["AMD GPU", "Navi 31 [Radeon RX 7900 XT/7900 XTX]"])
def test_names_that_tools_make_up_are_not_held_against_torch_s(tmp_path: Path, name: str) -> None:
    torch = Torch(
        tmp_path,
        version={"hip": "6.2.0"},
        names=["AMD Radeon RX 7900 XTX"],
        capabilities=["gfx1100"],
        architectures=["gfx1100"],
    )
    assert torch.run(rocm_check((name, "gfx1100"))).returncode == 0


def test_intel_s_own_gpu_beside_another_need_not_be_seen(tmp_path: Path) -> None:
    devices = (
        Device(index=0, name="Intel(R) Arc(TM) A770 Graphics", capability="12.55.8"),
        Device(index=1, name="Intel(R) Graphics [0x7d55]", capability="12.71.4", integrated=True),
    )
    (check,) = XpuAccelerator().checks("xpu", AcceleratorReading(namespace="xpu", present=True, devices=devices))
    torch = Torch(tmp_path, version={"cuda": None, "xpu": "20250101"}, names=["Intel(R) Arc(TM) A770 Graphics"])
    done = torch.run(check)
    assert (done.returncode, done.stderr) == (0, "")
    torch.version = {"xpu": None}
    assert "is a build without XPU" in torch.run(check).stderr


def test_a_release_that_does_not_tell_its_build_for_intel_is_judged_by_its_kernels(tmp_path: Path) -> None:
    check = torch_check("xpu", [Expected(name=None, capability=None)], backend="xpu")
    assert Torch(tmp_path, version={"cuda": None}).run(check).returncode == 0


def test_metal_is_proven_without_names(tmp_path: Path) -> None:
    device = Device(index=0, name="Apple M2 Max", capability="metal3", integrated=True)
    (check,) = MetalAccelerator().checks("mps", AcceleratorReading(namespace="mps", present=True, devices=(device,)))
    torch = Torch(tmp_path, architectures=[])
    done = torch.run(check)
    assert (done.returncode, done.stderr) == (0, "")
    torch.built = False
    assert "is a build without MPS" in torch.run(check).stderr


@pytest.mark.parametrize(
    ("architectures", "capability", "runs"),
    [
        (["sm_80"], (8, 6), True),
        (["sm_86"], (8, 0), False),
        (["sm_80"], (9, 0), False),
        (["sm_80", "compute_80"], (9, 0), True),
        (["compute_90"], (8, 0), False),
        (["sm_90a"], (9, 0), True),
        (["sm_90a"], (9, 1), False),
        (["sm_100f"], (10, 3), True),
        (["sm_100"], (12, 0), False),
        (["sm_120"], (12, 1), True),
        (["nonsense", "sm_"], (9, 0), False),
        ([], (9, 0), True),
    ],
)
def test_binaries_run_within_their_major_capability_and_ptx_on_all_later_ones(
    architectures: list[str], capability: tuple[int, int], runs: bool
) -> None:
    assert covered(architectures, capability) is runs
