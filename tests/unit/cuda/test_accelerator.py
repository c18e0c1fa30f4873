from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.contexts import host_of
from lockhouse.host import AcceleratorReading, Device
from lockhouse_cpu.accelerator import CpuAccelerator
from lockhouse_cuda.accelerator import CudaAccelerator
from lockhouse_cuda.tables import toolkits
from lockhouse_pytorch.versions import parse


def reading_of(*capabilities: str, present: bool = True) -> AcceleratorReading:
    devices = tuple(
        Device(index=index, name=f"GPU {index}", memory=1, capability=capability)
        for index, capability in enumerate(capabilities)
    )
    return AcceleratorReading(namespace="cuda", present=present, driver="580.65.06", runtime="13.0", devices=devices)


@pytest.mark.parametrize(
    ("variant", "claimed"),
    [
        ("cu124", True),
        ("cu92", True),
        ("cu130", True),
        ("cu1240", False),
        ("cu", False),
        ("cpu", False),
        ("cu12x", False),
    ],
)
def test_variants_are_cu_and_two_or_three_digits(variant: str, claimed: bool) -> None:
    assert CudaAccelerator().claims(variant) is claimed


def test_the_vendor_s_index_and_the_label_follow_the_variant() -> None:
    assert CudaAccelerator().index_url("cu130") == "https://download.pytorch.org/whl/cu130"
    assert CudaAccelerator().label("cu130", host_of()) == "cu130"


def test_driver_and_toolkit_versions_are_compared_by_number() -> None:
    assert parse("580.65.06") > parse("580") > parse("570.26") > parse("525.60.13")
    assert parse("12.10") > parse("12.9")
    assert parse("13.0") == parse("13")


def test_every_row_of_the_table_can_be_compared() -> None:
    table = toolkits()
    for row in table.minimum_driver.values():
        assert parse(row["linux"])
        assert parse(row["windows"])
    for system in ("linux", "windows"):
        shipped = [parse(row[system]) for row in table.shipped_driver.values() if system in row]
        assert all(shipped)
        assert shipped == sorted(shipped, reverse=True)


@pytest.mark.parametrize(
    ("driver", "system", "cuda"),
    [
        ("590.44.01", "linux", "13.1"),
        ("580.65.06", "linux", "13.0"),
        ("591.10", "windows", "13.0"),
        ("550.54.14", "linux", "12.4"),
        ("550.54.13", "linux", "12.3"),
        ("551.61", "windows", "12.4"),
        ("100.1", "linux", None),
    ],
)
def test_a_driver_s_cuda_version_follows_from_the_table(driver: str, system: str, cuda: str | None) -> None:
    assert toolkits().of_driver(driver, system) == cuda


def test_llama_cpp_is_built_for_the_devices_that_are_there() -> None:
    settings = CudaAccelerator().build_settings("llama-cpp-python", "cu124", reading_of("9.0", "8.6", "9.0"))
    assert settings == {"CMAKE_ARGS": "-DGGML_CUDA=on -DCMAKE_CUDA_ARCHITECTURES=86;90", "FORCE_CMAKE": "1"}


def test_torch_extensions_are_built_for_the_devices_that_are_there_and_usable() -> None:
    settings = CudaAccelerator().build_settings("pytorch3d", "cu124", reading_of("9.0", "8.6", "12.0"))
    assert settings == {"FORCE_CUDA": "1", "TORCH_CUDA_ARCH_LIST": "8.6;9.0"}


def test_for_another_machine_everything_that_the_toolkit_compiles_for_is_built() -> None:
    settings = CudaAccelerator().build_settings("pytorch3d", "cu124", reading_of(present=False))
    assert settings == {"FORCE_CUDA": "1", "TORCH_CUDA_ARCH_LIST": "5.0;5.2;6.0;6.1;7.0;7.5;8.0;8.6;8.9;9.0+PTX"}
    settings = CudaAccelerator().build_settings("llama-cpp-python", "cu130", reading_of(present=False))
    assert settings["CMAKE_ARGS"].endswith("-DCMAKE_CUDA_ARCHITECTURES=75;80;86;89;90;100;103;120;121")


def test_the_compiler_is_that_of_the_variant_s_toolkit() -> None:
    reading = replace(reading_of("9.0"), toolkits={"12.4": "/usr/local/cuda-12.4", "13.0": "/usr/local/cuda-13.0"})
    settings = CudaAccelerator().build_settings("pytorch3d", "cu124", reading)
    assert settings["CUDACXX"] == "/usr/local/cuda-12.4/bin/nvcc"
    assert settings["CUDA_HOME"] == "/usr/local/cuda-12.4"
    assert "CUDACXX" not in CudaAccelerator().build_settings("pytorch3d", "cu126", reading)


def test_the_cpu_is_always_there_and_supports_its_one_variant() -> None:
    cpu = CpuAccelerator()
    reading = cpu.read({})
    assert reading.present
    assert len(reading.devices) == 1
    assert cpu.claims("cpu")
    assert not cpu.claims("cu124")
    assert cpu.support("cpu", reading, host_of()).supported


def test_builds_for_the_cpu_carry_a_label_except_on_macos() -> None:
    assert CpuAccelerator().label("cpu", replace(host_of(), system="Linux")) == "cpu"
    assert CpuAccelerator().label("cpu", replace(host_of(), system="Windows")) == "cpu"
    assert CpuAccelerator().label("cpu", replace(host_of(), system="Darwin")) is None
