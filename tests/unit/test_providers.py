"""Variant providers (PEP 817) as accelerators: what they answer in a process of their own, and what is made of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from fixtures.contexts import host_of
from lockhouse.accelerators import Accelerator, Ranking
from lockhouse.host import AcceleratorReading, Probe
from lockhouse.probing import ask
from lockhouse.providers import ProviderAccelerator

PROVIDER = """
from dataclasses import dataclass

@dataclass
class Config:
    name: str
    values: list
    multi_value: bool = False

class Provider:
    namespace = "fake"
    def get_supported_configs(self):
        return [Config("level", ["v3", "v2", "v1"]), Config("extension", ["aes", "avx"], True)]

instance = Provider()
"""


def made(target: str = "provider:Provider") -> ProviderAccelerator:
    return ProviderAccelerator("fake", target, "fake-provider 1.0")


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module of a provider, importable under the name ``provider``."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    path = tmp_path / "provider.py"
    path.write_text(PROVIDER)
    return path


def asked(accelerator: ProviderAccelerator) -> AcceleratorReading:
    (probe,) = ask(accelerator.namespace, accelerator.questions())
    return accelerator.read({"configs": probe})


def said(answer: object = None, error: str | None = None) -> AcceleratorReading:
    text = answer if isinstance(answer, str) or answer is None else json.dumps(answer)
    return made().read({"configs": Probe(name="fake:configs", answer=text, seconds=0.1, error=error)})


def test_it_has_the_shape_of_an_accelerator_that_ranks() -> None:
    assert isinstance(made(), Accelerator)
    assert isinstance(made(), Ranking)


@pytest.mark.parametrize("target", ["provider:Provider", "provider:instance", "provider : Provider [extra]"])
def test_a_class_or_an_instance_is_asked_in_a_process_of_its_own(provider: Path, target: str) -> None:
    reading = asked(made(target))
    assert reading.present
    assert reading.features == {"level": ("v3", "v2", "v1"), "extension": ("aes", "avx")}
    assert reading.notes == ()
    assert "provider" not in sys.modules


def test_a_module_can_be_a_provider_and_an_older_draft_is_understood(provider: Path) -> None:
    provider.write_text(
        dedent(
            """
            from types import SimpleNamespace
            namespace = "fake"
            def get_supported_configs(known_properties):
                print("I am loud")
                return [SimpleNamespace(name="level", values=("v1",))]
            """
        )
    )
    assert asked(made("provider")).features == {"level": ("v1",)}


@pytest.mark.parametrize(
    "mess",
    [
        "import atexit, os; atexit.register(os.abort)",
        "import threading; threading.Thread(target=threading.Event().wait).start()",
        "import os, sys; os.close(1); sys.stdout.write('lost')",
    ],
)
def test_what_a_provider_leaves_behind_does_not_cost_its_answer(provider: Path, mess: str) -> None:
    provider.write_text(f"{mess}\n{PROVIDER}")
    assert asked(made()).present


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise RuntimeError('no driver')", "RuntimeError: no driver"),
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ("import os; os._exit(3)", "exit status 3"),
        ("class Provider: pass", "no attribute 'get_supported_configs'"),
    ],
)
def test_a_provider_that_fails_supports_nothing_and_says_why(provider: Path, code: str, words: str) -> None:
    provider.write_text(code)
    accelerator = made()
    reading = asked(accelerator)
    assert not reading.present
    support = accelerator.support("fake-level-v1", reading, host_of())
    assert not support.supported
    assert words in support.reason


@pytest.mark.parametrize(
    ("configs", "features", "note"),
    [
        ([{"name": "Level", "values": ["1"]}], {}, "the variant provider gave a feature that is none"),
        ([{"name": "level", "values": "v1"}], {}, "the variant provider gave a feature that is none"),
        ([5], {}, "the variant provider gave a feature that is none"),
        ([{"name": "level", "values": ["v1", "V2", 3, "v1"]}], {"level": ("v1",)}, "values of level that are none"),
        ([{"name": "level", "values": []}], {}, None),
        ("nonsense", {}, None),
    ],
)
def test_what_the_drafts_do_not_allow_is_told_and_left_out(
    configs: object, features: dict[str, tuple[str, ...]], note: str | None
) -> None:
    reading = said({"namespace": "fake", "configs": configs})
    assert reading.features == features
    assert any(note in text for text in reading.notes) if note else reading.notes == ()


@pytest.mark.parametrize("answer", ["", "[" * 60000, "null", '{"namespace": "\\ud800"}', "{}"])
def test_answers_made_to_break_parsers_break_nothing(answer: str) -> None:
    assert not said(answer).present


def test_another_name_than_the_registered_one_is_told() -> None:
    (note,) = said({"namespace": "other", "configs": []}).notes
    assert note == "the variant provider calls itself 'other'; its variants begin with fake-"


def test_properties_are_variants_the_best_first() -> None:
    accelerator = made()
    configs = [{"name": "level", "values": ["v2", "v1"]}, {"name": "cuda_version", "values": ["12.8"]}]
    reading = said({"namespace": "fake", "configs": configs})
    assert accelerator.variants(reading, host_of()) == ["fake-level-v2", "fake-level-v1", "fake-cuda_version-12.8"]
    assert all(accelerator.claims(name) for name in accelerator.variants(reading, host_of()))
    support = {name: accelerator.support(name, reading, host_of()) for name in ("fake-level-v1", "fake-level-v3")}
    assert support["fake-level-v1"].supported
    assert support["fake-level-v3"].reason == "fake-provider 1.0 supports level v2, v1, and not v3"
    assert "knows no feature" in accelerator.support("fake-other-1", reading, host_of()).reason


@pytest.mark.parametrize(
    "name", ["fake", "fake-level", "other-level-v1", "fake-Level-v1", "fake-level-v/1", "fake--v1"]
)
def test_other_names_are_not_claimed(name: str) -> None:
    assert not made().claims(name)
