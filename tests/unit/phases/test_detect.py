from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.contexts import context_at
from fixtures.strangers import Strangers, strangers_at
from lockhouse.accelerators import Accelerator, Question, Support
from lockhouse.choice import choose_variant
from lockhouse.events import Message
from lockhouse.host import AcceleratorReading, Host, Probe
from lockhouse.manifest import Manifest, PythonWish, VariantWish
from lockhouse.phases import detect
from lockhouse.plugins import Plugins
from lockhouse.state import State
from lockhouse.steps import Context, Step

OWN = [item.namespace for item in Plugins.load().accelerators()]
"""Namespaces of the accelerators that are built in."""

FRUIT = """
from lockhouse.hookspecs import hookimpl
from lockhouse.accelerators import Question, Support
from lockhouse.host import AcceleratorReading, Device

class Fruit:
    namespace = "fruit"
    family = frozenset()
    labelled = frozenset()
    def questions(self):
        return [Question(name="count", kind="python", ask=("print(3)",))]
    def fingerprint(self):
        return "one"
    def read(self, answers):
        count = int(answers["count"].answer)
        devices = tuple(Device(index=i, name="Apple", memory=None, capability=None) for i in range(count))
        return AcceleratorReading(namespace="other", present=True, devices=devices, notes=("ripe",))
    def claims(self, variant): return variant == "fruit1"
    def support(self, variant, reading, host): return Support(supported=reading.present, reason="fruit is there")
    def index_url(self, variant): return None
    def label(self, variant, host): return None
    def checks(self, variant, reading): return ()
    def build_settings(self, distribution, variant, reading): return {}

@hookimpl
def lockhouse_accelerators():
    return [Fruit()]
"""


@dataclass
class Run:
    """A machine that is looked at, with the plugins of strangers."""

    strangers: Strangers
    context: Context
    events: list[Any]

    @property
    def step(self) -> Step:
        (step,) = detect.steps(self.context.project, self.context.manifest)
        return step

    def detect(self) -> Host:
        self.context.plugins = self.strangers.load()
        self.step.run(self.context)
        host = self.context.state.read(Host)
        assert host is not None
        return host

    def up_to_date(self) -> bool:
        """As another process would see it."""
        assert self.step.up_to_date is not None
        self.context.plugins = self.strangers.load()
        self.context.state = State(self.context.project.state)
        return self.step.up_to_date(self.context)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PATH", "")  # one interpreter to ask instead of all of this machine's
    context, listener = context_at(tmp_path / "project")
    return Run(strangers_at(tmp_path, monkeypatch), context, listener.events)


def test_the_host_is_written_where_the_step_says(run: Run) -> None:
    (output,) = run.step.outputs
    output.unlink(missing_ok=True)
    host = run.detect()
    assert output.is_file()
    assert State(run.context.project.state).read(Host) == host
    assert [reading.namespace for reading in host.accelerators] == OWN
    assert host.interpreters
    assert host.platform_tags
    assert run.context.details["detect"].startswith(host.platform)


def test_a_stranger_s_accelerator_is_asked_and_its_answers_are_kept(run: Run) -> None:
    run.strangers.install("fruit", FRUIT)
    host = run.detect()
    reading = host.accelerator("fruit")
    assert reading is not None
    assert len(reading.devices) == 3
    (probe,) = (probe for probe in host.probes if probe.name == "fruit:count")
    assert (probe.answer, probe.error) == ("3\n", None)
    assert "3 x Apple" in run.context.details["detect"]
    assert Message(level="info", text="fruit: ripe") in run.events


def test_a_stranger_s_variant_is_chosen(run: Run) -> None:
    run.strangers.install("fruit", FRUIT)
    host = run.detect()
    manifest = Manifest(
        name="m",
        python=PythonWish(version="3.11"),
        stages=(),
        variants=tuple(VariantWish(name=name) for name in ("cu124", "fruit1", "cpu")),
    )
    choice = choose_variant(manifest, host, run.context.plugins.accelerators())
    assert (choice.variant, choice.accelerator) == ("fruit1", "fruit")
    assert [item.supported for item in choice.considered] == [False, True, True]


@pytest.mark.parametrize("method", ["questions", "read", "fingerprint"])
@pytest.mark.parametrize("deed", ["1 / 0", "return 5", "return [5]"])
def test_a_plugin_that_fails_is_in_the_ledger_and_the_others_are_asked(run: Run, method: str, deed: str) -> None:
    code = FRUIT.replace(f"def {method}(self):", f"def {method}(self):\n        {deed}")
    code = code.replace(f"def {method}(self, answers):", f"def {method}(self, answers):\n        {deed}")
    run.strangers.install("fruit", code)
    host = run.detect()
    assert [reading.namespace for reading in host.accelerators] == [*OWN, "fruit"]
    assert any(reading.present for reading in host.accelerators)
    if method != "fingerprint":
        reading = host.accelerator("fruit")
        assert reading is not None
        assert not reading.present
        assert "plugin fruit failed" in reading.notes[0]
        assert [probe.name for probe in host.probes if probe.error and "plugin fruit" in probe.error] == [
            "fruit:plugin"
        ]
    assert run.up_to_date()


def test_nothing_is_asked_again_while_nothing_has_changed(run: Run) -> None:
    assert not run.up_to_date()
    run.detect()
    assert run.up_to_date()


def test_a_damaged_host_is_made_anew(run: Run) -> None:
    run.detect()
    run.step.outputs[0].write_text("{", encoding="utf-8")
    assert not run.up_to_date()


def test_a_host_that_was_copied_from_another_machine_is_made_anew(run: Run) -> None:
    host = run.detect()
    run.context.state.write(replace(host, fingerprint="of another machine"))
    assert not run.up_to_date()


@pytest.mark.parametrize("variable", ["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "LD_LIBRARY_PATH"])
def test_a_variable_that_drivers_go_by_makes_it_ask_again(
    run: Run, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    run.detect()
    monkeypatch.setenv(variable, "1")
    assert not run.up_to_date()


def test_other_variables_do_not(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.detect()
    monkeypatch.setenv("SOME_TOKEN", "1")
    assert run.up_to_date()


@pytest.mark.skipif(os.name != "posix", reason="a program that is a script")
@pytest.mark.parametrize(
    ("kind", "asked", "place"),
    [("command", "fruit-smi", "fruit-smi"), ("file", "{}/fruit.info", "fruit.info"), ("files", "{}/f*/x", "f1/x")],
)
def test_what_a_stranger_s_question_names_is_looked_at_whatever_its_fingerprint_says(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, asked: str, place: str
) -> None:
    folder = tmp_path / "vendor"
    monkeypatch.setenv("PATH", str(folder))
    question = f'Question(name="count", kind="{kind}", ask=({asked.format(folder)!r},))'
    code = FRUIT.replace('Question(name="count", kind="python", ask=("print(3)",))', question)
    run.strangers.install("fruit", code)
    run.detect()
    assert run.up_to_date()
    there = folder / place
    there.parent.mkdir(parents=True)
    there.write_text("#!/bin/sh\necho 3\n", encoding="utf-8")
    there.chmod(0o755)
    assert not run.up_to_date()
    run.detect()
    assert run.up_to_date()
    there.write_text("#!/bin/sh\necho four\n", encoding="utf-8")
    assert not run.up_to_date()


def test_a_variable_that_a_stranger_s_question_names_reaches_its_probe_and_makes_it_ask_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = 'ask=("import os; print(os.environ.get(\'FRUIT_COUNT\', 1))",), variables=("FRUIT_*",)'
    run.strangers.install("fruit", FRUIT.replace('ask=("print(3)",)', ask))
    run.detect()
    monkeypatch.setenv("FRUIT_COUNT", "2")
    assert not run.up_to_date()
    reading = run.detect().accelerator("fruit")
    assert reading is not None
    assert len(reading.devices) == 2
    assert run.up_to_date()


def test_a_new_interpreter_makes_it_ask_again(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run.detect()
    script = tmp_path / "bin" / "python3"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent))
    assert not run.up_to_date()


def test_another_plugin_or_another_version_of_one_makes_it_ask_again(run: Run) -> None:
    run.detect()
    file = run.strangers.drop("fruit.py", FRUIT)
    assert not run.up_to_date()
    run.detect()
    assert run.up_to_date()
    file.write_text(FRUIT.replace("ripe", "rotten"), encoding="utf-8")
    assert not run.up_to_date()


def test_an_accelerator_whose_fingerprint_has_changed_is_asked_again(run: Run, tmp_path: Path) -> None:
    marker = tmp_path / "driver"
    marker.write_text("1", encoding="utf-8")
    run.strangers.install(
        "fruit", FRUIT.replace('return "one"', f"from pathlib import Path; return Path({str(marker)!r}).read_text()")
    )
    run.detect()
    assert run.up_to_date()
    marker.write_text("2", encoding="utf-8")
    assert not run.up_to_date()


@dataclass
class Silent:
    """An accelerator whose one question hangs."""

    namespace: str
    family: frozenset[str] = frozenset()
    labelled: frozenset[str] = frozenset()

    def questions(self) -> Sequence[Question]:
        return [Question(name="hang", kind="python", ask=("import time; time.sleep(600)",), timeout=0.5)]

    def fingerprint(self) -> str:
        return ""

    def read(self, answers: Mapping[str, Probe]) -> AcceleratorReading:
        return AcceleratorReading(namespace=self.namespace, present=answers["hang"].answer is not None)

    def claims(self, variant: str) -> bool:
        return False

    def support(self, variant: str, reading: AcceleratorReading, host: Host) -> Support:
        return Support(supported=False, reason="")

    def index_url(self, variant: str) -> str | None:
        return None

    def label(self, variant: str, host: Host) -> str | None:
        return None

    def checks(self, variant: str, reading: AcceleratorReading) -> Sequence[Any]:
        return ()

    def build_settings(self, distribution: str, variant: str, reading: AcceleratorReading) -> Mapping[str, str]:
        return {}


def test_drivers_that_hang_cost_their_limit_and_are_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    accelerators: list[Accelerator] = [Silent(f"silent{number}") for number in range(3)]
    host = detect.detect_host(accelerators, tmp_path, "f")
    assert [reading.present for reading in host.accelerators] == [False] * 3
    assert [probe.error for probe in host.probes if probe.name.endswith(":hang")] == [
        "no answer within 0.5 s; stopped"
    ] * 3


def test_up_to_date_starts_no_process(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.detect()

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr("subprocess.Popen", refuse)
    assert run.up_to_date()


def test_without_any_plugin_the_machine_is_still_described(run: Run) -> None:
    run.context.plugins = Plugins([])
    run.step.run(run.context)
    host = run.context.state.read(Host)
    assert host is not None
    assert host.accelerators == ()
    assert host.interpreters
