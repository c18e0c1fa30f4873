"""The proof that an environment computes, run in an interpreter with a stand-in for torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lockhouse.host import AcceleratorReading, Device
from lockhouse_cuda.accelerator import CudaAccelerator
from lockhouse_cuda.proof import covered

TORCH = """
__version__ = "2.5.1+cu124"
class version: cuda = CUDA
class backends:
    class cuda:
        class matmul: allow_tf32 = True
class Matrix:
    def __init__(self, right=True): self.right = right
    def to(self, device): return Matrix(RIGHT)
    def cpu(self): return self
    def __matmul__(self, other): return Matrix(self.right)
class Generator:
    def manual_seed(self, seed): return self
def rand(*size, generator): return Matrix()
def empty(size, dtype, device): return bytearray(1)
def device(kind, index): return index
def allclose(a, b, rtol, atol): return a.right == b.right
uint8 = "uint8"
class cuda:
    is_available = staticmethod(lambda: AVAILABLE)
    device_count = staticmethod(lambda: 1)
    get_arch_list = staticmethod(lambda: ARCHITECTURES)
    get_device_name = staticmethod(lambda index: "NVIDIA H200")
    get_device_capability = staticmethod(lambda index: (9, 0))
    synchronize = staticmethod(lambda device: None)
"""


def prove(folder: Path, devices: int = 1, **values: object) -> subprocess.CompletedProcess[str]:
    settings = {"CUDA": "12.4", "AVAILABLE": True, "ARCHITECTURES": ["sm_80", "sm_90"], "RIGHT": True} | values
    code = TORCH
    for name, value in settings.items():
        code = code.replace(name, repr(value))
    (folder / "torch.py").write_text(code, encoding="utf-8")
    return run(folder, devices)


def run(folder: Path, devices: int = 1) -> subprocess.CompletedProcess[str]:
    found = tuple(Device(index=index, name="NVIDIA H200", memory=1, capability="9.0") for index in range(devices))
    reading = AcceleratorReading(namespace="cuda", present=True, runtime="12.4", devices=found)
    (check,) = CudaAccelerator().checks("cu124", reading)
    argv = [sys.executable, "-S", "-c", check.run]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_a_right_result_on_every_device_is_a_proof(tmp_path: Path) -> None:
    done = prove(tmp_path)
    assert done.returncode == 0
    assert done.stdout == (
        "device 0 (NVIDIA H200, compute capability 9.0): allocated 64 MiB, multiplied matrices as the CPU does\n"
    )


def test_an_environment_without_torch_has_nothing_to_prove(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0
    assert "nothing to prove" in done.stdout


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"CUDA": None}, "is a build without CUDA"),
        ({"CUDA": "12.1"}, "is built for CUDA 12.1, not 12.4"),
        ({"AVAILABLE": False}, "finds no usable device"),
        ({"devices": 2}, "torch sees 1 of 2 devices"),
        (
            {"ARCHITECTURES": ["sm_70", "sm_86"]},
            "device 0 (NVIDIA H200, compute capability 9.0): torch 2.5.1+cu124 has",
        ),
        ({"RIGHT": False}, "computes wrong results"),
    ],
)
def test_what_does_not_compute_is_named(tmp_path: Path, values: dict[str, object], complaint: str) -> None:
    done = prove(tmp_path, **values)  # type: ignore[arg-type]
    assert done.returncode != 0
    assert complaint in done.stderr


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
