"""What holds for every accelerator that is built in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.accelerators import ACCELERATORS, BUILT_IN, recorded
from lockhouse.accelerators import Accelerator, Ranking
from lockhouse.host import AcceleratorReading
from lockhouse_cuda.questions import questions as cuda_questions
from lockhouse_rocm.questions import questions as rocm_questions
from lockhouse_xpu.questions import questions as xpu_questions

PLUGINS = Path(__file__).parents[3] / "plugins"
VARIANTS = {"cpu": "cpu", "cuda": "cu124", "rocm": "rocm6.2", "xpu": "xpu", "mps": "mps"}


@pytest.mark.parametrize("accelerator", ACCELERATORS, ids=lambda item: item.namespace)
def test_it_keeps_the_contract(accelerator: Accelerator) -> None:
    assert isinstance(accelerator, Accelerator)
    assert accelerator.labelled <= accelerator.family
    assert accelerator.fingerprint() == accelerator.fingerprint()
    names = [question.name for question in accelerator.questions()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("variant", [*VARIANTS.values(), "cu118", "cu130", "rocm6.2.4", "rocm7.2"])
def test_every_variant_is_claimed_by_one(variant: str) -> None:
    claiming = [item.namespace for item in ACCELERATORS if item.claims(variant)]
    assert len(claiming) == 1


@pytest.mark.parametrize("variant", ["", "cu", "cu1240", "cu12x", "rocm", "rocm6", "rocmx.y", "gpu", "metal", "CPU"])
def test_other_names_are_claimed_by_none(variant: str) -> None:
    assert not any(item.claims(variant) for item in ACCELERATORS)


@pytest.mark.parametrize("namespace", VARIANTS)
def test_settings_for_a_build_can_be_given_for_a_machine_that_has_no_such_device(namespace: str) -> None:
    absent = AcceleratorReading(namespace=namespace, present=False)
    settings = BUILT_IN[namespace].build_settings("llama-cpp-python", VARIANTS[namespace], absent)
    flag = {"cuda": "GGML_CUDA", "rocm": "GGML_HIP", "xpu": "GGML_SYCL", "mps": "GGML_METAL"}.get(namespace)
    assert (flag is None and settings == {}) or f"-D{flag}=on" in settings["CMAKE_ARGS"]
    assert all(isinstance(value, str) for value in settings.values())


@pytest.mark.parametrize("namespace", [name for name in VARIANTS if name != "cpu"])
def test_the_check_needs_a_device_and_torch(namespace: str) -> None:
    (check,) = BUILT_IN[namespace].checks(VARIANTS[namespace], AcceleratorReading(namespace=namespace, present=False))
    assert (check.requires, check.needs, check.critical, check.stage) == (namespace, ("torch",), True, None)
    compile(check.run, "check", "exec")


def programs() -> Iterator[str]:
    yield from (path.read_text(encoding="utf-8") for path in PLUGINS.glob("*/probes/*.py"))
    for asked in (cuda_questions(), rocm_questions(), xpu_questions()):
        yield from (question.ask[0] for question in asked if question.kind == "python")


def test_programs_for_probes_need_nothing_but_the_standard_library() -> None:
    found = list(programs())
    assert len(found) >= 10
    for program in found:
        for node in ast.walk(ast.parse(program)):
            if isinstance(node, ast.ImportFrom):
                assert node.module in ("__future__", "pathlib")
            elif isinstance(node, ast.Import):
                assert {alias.name for alias in node.names} <= {"ctypes", "glob", "json", "os", "sys"}


def test_accelerators_do_not_disturb_each_other_on_one_machine() -> None:
    both = recorded("rocm", "rx-7900-xtx-beside-igpu"), recorded("cuda", "a100-driver-550")
    readings = [machine.replay(BUILT_IN[machine.namespace]) for machine in both]
    host = both[0].host_with(*readings)
    for reading in readings:
        assert BUILT_IN[reading.namespace].support(VARIANTS[reading.namespace], reading, host).supported


@pytest.mark.parametrize(
    ("namespace", "machine", "best"),
    [
        ("cuda", "a100-driver-550", ["cu124", "cu121", "cu118"]),
        ("rocm", "rx-7900-xtx-beside-igpu", None),
        ("cuda", "no-driver", []),
    ],
)
def test_an_accelerator_ranks_what_a_machine_supports_the_newest_first(
    namespace: str, machine: str, best: list[str] | None
) -> None:
    accelerator, there = BUILT_IN[namespace], recorded(namespace, machine)
    assert isinstance(accelerator, Ranking)
    reading = there.replay(accelerator)
    names = list(accelerator.variants(reading, there.host_with(reading)))
    assert best is None or names == best
    assert names == sorted(names, key=parse_variant, reverse=True)


def parse_variant(name: str) -> list[int]:
    version = name.removeprefix("rocm").removeprefix("cu")
    numbers = [int(part) for part in version.split(".")]
    return numbers if name.startswith("rocm") else [numbers[0] // 10, numbers[0] % 10]
