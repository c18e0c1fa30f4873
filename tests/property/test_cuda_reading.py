from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.contexts import host_of
from lockhouse.codec import decode, encode
from lockhouse.host import AcceleratorReading, Probe
from lockhouse_cuda.accelerator import CudaAccelerator

NAMES = ("nvml", "libcuda", "nvidia-smi", "surroundings", "kernel-module", "kernel-driver", "kernel", "tegra")

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
devices = st.fixed_dictionaries(
    {},
    optional={
        "index": values,
        "name": values,
        "memory": values,
        "capability": values | st.sampled_from(["9.0", "12.0", "8.7"]),
        "error": values,
        "mig": values,
    },
)
shaped = st.fixed_dictionaries(
    {},
    optional={
        "driver": values | st.just("580.65.06"),
        "cuda": values | st.sampled_from([13000, 12040]),
        "status": values,
        "devices": values | st.lists(devices, max_size=3),
        "variables": values,
        "pci": values,
    },
)
answers = st.text() | values.map(json.dumps) | shaped.map(json.dumps)
probes = st.dictionaries(
    st.sampled_from(NAMES),
    st.tuples(st.none() | answers, st.none() | st.text(max_size=40)),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(probes)
def test_no_answer_of_any_source_breaks_the_reading_or_the_choice(
    given_answers: dict[str, tuple[str | None, str | None]],
) -> None:
    cuda = CudaAccelerator()
    asked = {
        name: Probe(name=f"cuda:{name}", answer=answer, seconds=0.0, error=error)
        for name, (answer, error) in given_answers.items()
    }
    reading = cuda.read(asked)
    kept = json.loads(json.dumps(encode(reading), ensure_ascii=False).encode())
    assert decode(AcceleratorReading, kept) == reading
    for variant in ("cu118", "cu130"):
        assert cuda.support(variant, reading, host_of()).reason
        assert cuda.checks(variant, reading)
    assert reading.devices or not reading.present
    cuda.build_settings("llama-cpp-python", "cu124", reading)
