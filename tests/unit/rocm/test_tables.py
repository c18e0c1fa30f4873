"""What ROCm releases ask of drivers and devices."""

from __future__ import annotations

import pytest

from fixtures.accelerators import BUILT_IN, recorded
from lockhouse_pytorch.versions import parse
from lockhouse_rocm.tables import releases


def test_every_row_can_be_compared_and_newer_releases_come_with_newer_drivers() -> None:
    rows = sorted(releases().drivers.items(), key=lambda row: parse(row[0]))
    drivers = [parse(driver) for _, driver in rows]
    assert all(drivers)
    assert drivers == sorted(drivers)
    assert all(target.startswith("gfx") for targets in releases().targets.values() for target in targets)


@pytest.mark.parametrize(
    ("driver", "rocm"),
    [("6.8.5", "6.2"), ("6.10.4", "6.2"), ("6.16.6", "7.1"), ("9.9.9", "7.2"), ("5.13.20.22.10", None)],
)
def test_a_driver_s_release_follows_from_the_table(driver: str, rocm: str | None) -> None:
    assert releases().of_driver(driver) == rocm


@pytest.mark.parametrize(
    ("driver", "rocm", "fits"),
    [
        ("6.8.5", "5.7", True),
        ("6.8.5", "6.2.4", True),
        ("6.8.5", "6.4", True),
        ("6.8.5", "7.0", False),
        ("6.16.13", "9.0", True),
        ("6.16.6", "9.0", False),
    ],
)
def test_a_user_space_may_be_two_releases_newer_than_its_driver(driver: str, rocm: str, fits: bool) -> None:
    assert releases().fits(driver, rocm) is fits


def test_of_a_release_that_is_not_known_nothing_is_said_about_targets() -> None:
    assert releases().objection("9.0", "gfx900") is None
    assert releases().objection("6.2", "gfx1200") == "PyTorch's builds for ROCm 6.2 have no code for gfx1200"
    assert releases().objection("6.2.4", "gfx1200") is None
    assert releases().objection("6.3.1", "gfx1200") is None


def test_settings_for_builds_name_the_targets_that_are_usable_and_where_rocm_is() -> None:
    rocm = BUILT_IN["rocm"]
    both = recorded("rocm", "rx-7900-xtx-beside-igpu").replay(rocm)
    assert rocm.build_settings("pytorch3d", "rocm6.2", both)["PYTORCH_ROCM_ARCH"] == "gfx1100"
    installed = recorded("rocm", "mi300x-rocm-6.4").replay(rocm)
    settings = rocm.build_settings("llama-cpp-python", "rocm6.4", installed)
    assert settings["HIPCXX"] == "/opt/rocm-6.4.1/llvm/bin/clang"
    assert settings["CMAKE_ARGS"] == "-DGGML_HIP=on -DAMDGPU_TARGETS=gfx942 -DGPU_TARGETS=gfx942"
    assert "HIPCXX" not in rocm.build_settings("llama-cpp-python", "rocm7.2", installed)
