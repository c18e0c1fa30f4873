"""No answer of any source breaks a reading, a choice, a check or the settings of a build."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.accelerators import BUILT_IN, MACHINES
from lockhouse.codec import decode, encode
from lockhouse.host import AcceleratorReading, Probe

VARIANTS = {"cuda": ("cu118", "cu130"), "rocm": ("rocm5.7", "rocm6.2.4", "rocm7.2"), "xpu": ("xpu",), "mps": ("mps",)}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def known(namespace: str) -> tuple[list[str], st.SearchStrategy[str]]:
    """The questions of an accelerator, and answers that look like those of recorded machines and are not."""
    recorded = [machine for machine in MACHINES if machine.namespace == namespace]
    questions = sorted({name for machine in recorded for name in machine.answers})
    texts = sorted({said.answer for machine in recorded for said in machine.answers.values() if said.answer})
    return questions, st.sampled_from(texts)


@st.composite
def spoilt(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A recorded answer of which something was cut out, or replaced by anything."""
    text = draw(texts)
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 40)))
    return text[:start] + draw(st.text(max_size=6) | values.map(json.dumps)) + text[end:]


@st.composite
def ledgers(draw: st.DrawFn, namespace: str) -> dict[str, Probe]:
    questions, texts = known(namespace)
    answer = st.none() | st.text() | values.map(json.dumps) | texts | spoilt(texts)
    said = draw(st.dictionaries(st.sampled_from(questions), st.tuples(answer, st.none() | st.text(max_size=40))))
    return {
        name: Probe(name=f"{namespace}:{name}", answer=text, seconds=0.0, error=error)
        for name, (text, error) in said.items()
    }


@pytest.mark.parametrize("namespace", VARIANTS)
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(data=st.data())
def test_no_answer_of_any_source_breaks_anything(namespace: str, data: st.DataObject) -> None:
    accelerator = BUILT_IN[namespace]
    reading = accelerator.read(data.draw(ledgers(namespace)))
    kept = json.loads(json.dumps(encode(reading), ensure_ascii=False).encode())
    assert decode(AcceleratorReading, kept) == reading
    assert reading.devices or not reading.present
    host = MACHINES[0].host_with(reading)
    for variant in VARIANTS[namespace]:
        support = accelerator.support(variant, reading, host)
        assert support.reason
        assert reading.present or not support.supported
        assert accelerator.checks(variant, reading)
        assert all(map(str.isprintable, accelerator.build_settings("llama-cpp-python", variant, reading).values()))
