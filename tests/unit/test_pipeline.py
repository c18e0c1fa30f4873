"""The order of steps, and what plugins may do to it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from lockhouse.cli import VERBS
from lockhouse.errors import PluginError
from lockhouse.manifestfile import parse_manifest
from lockhouse.pipeline import PHASES, pipeline
from lockhouse.project import Project
from lockhouse.steps import Context, Step

MANIFEST = parse_manifest(
    {
        "name": "demo",
        "python": {"version": "3.11"},
        "stages": [{"name": "base", "requirements": ["a"]}, {"name": "torch", "requirements": ["b"]}],
    },
    "demo.json",
)
BUILT_IN = (
    *("detect", "plan", "download", "scan", "destroy", "create"),
    *("install:base", "install:torch", "purge", "verify", "lock"),
)


def nothing(context: Context) -> None:
    """Do nothing."""


def step(name: str, phase: str = "lock", *needs: str, plugin: str = "mine", **fields: Any) -> Step:
    return Step(name=name, phase=phase, doc="added", run=nothing, needs=needs, plugin=plugin, **fields)


def steps(*added: Step) -> dict[str, Step]:
    project = Project(root=Path("/p"), manifest=Path("/p/demo.json"), name="demo", pointer=Path("/p/.venv"))
    return {step.name: step for step in pipeline(project, MANIFEST, added, lambda plugin: f"{plugin} 1.0 (dist)")}


def test_built_in_steps_stand_in_order_and_each_needs_the_one_before() -> None:
    ordered = steps()
    assert tuple(ordered) == BUILT_IN
    for before, after in itertools.pairwise(BUILT_IN):
        assert before in ordered[after].needs or after == "purge"
    assert {"install:base", "install:torch"} & set(ordered["purge"].needs)


def test_added_step_comes_after_what_it_needs() -> None:
    ordered = list(steps(step("announce", "lock", "tell"), step("tell", "verify", "verify")))
    assert ordered.index("verify") < ordered.index("tell") < ordered.index("announce")


@pytest.mark.parametrize(
    ("added", "after", "before"),
    [
        (step("own", "verify"), "verify", "lock"),
        (step("own", "verify", "verify"), "verify", "lock"),
        (step("own", "download"), "download", "scan"),
        (step("own", "install", "install:base"), "install:base", "install:torch"),
        (step("own", "install"), "install:torch", "purge"),
        (step("own", "install", "plan"), "install:torch", "purge"),
        (step("own", "detect"), "detect", "plan"),
        (step("install:own", "install"), "install:torch", "purge"),
    ],
    ids=lambda value: f"{value.phase} {' '.join(value.needs)}" if isinstance(value, Step) else value,
)
def test_added_step_stands_in_its_phase_after_what_it_needs_there_and_the_next_one_waits_for_it(
    added: Step, after: str, before: str
) -> None:
    ordered = steps(added)
    names = list(ordered)
    at = names.index(added.name)
    assert (names[at - 1], names[at + 1]) == (after, before)
    assert added.name in ordered[before].needs
    assert after in ordered[added.name].needs


def test_steps_of_several_plugins_wait_for_each_other_whatever_the_order_they_come_in() -> None:
    first, second, third = step("z", "verify"), step("m", "verify", "z"), step("a", "verify", "m", plugin="other")
    for given in itertools.permutations((first, second, third)):
        assert list(steps(*given))[-4:] == ["z", "m", "a", "lock"]


def test_step_comes_after_the_one_that_writes_what_it_reads() -> None:
    reader = step("reader", "verify", inputs=(Path("report.json"),))
    writer = step("writer", "verify", outputs=(Path("/p/report.json"),))
    assert list(steps(reader, writer))[-3:] == ["writer", "reader", "lock"]
    assert steps(reader, writer)["reader"].inputs == (Path("/p/report.json"),)


def test_step_may_need_a_replacing_one_by_either_name() -> None:
    own = step("own-purge", "purge", replaces="purge")
    assert list(steps(step("x", "purge", "own-purge"), own))[-4:] == ["purge", "x", "verify", "lock"]


def test_replacing_step_may_wait_for_an_added_one_of_its_phase() -> None:
    ordered = list(steps(step("first", "purge"), step("own", "purge", "first", replaces="purge")))
    assert ordered[-4:] == ["first", "purge", "verify", "lock"]


def test_added_step_can_be_replaced_by_another_plugin() -> None:
    own = step("mine", "lock", "lock", plugin="other", replaces="announce")
    assert steps(own, step("announce", "lock"))["announce"].plugin == "other"


def test_steps_of_a_group() -> None:
    ordered = list(steps(step("a:b", "lock"), step("a:c", "lock"), step("install:mine", "install")))
    assert ordered[-2:] == ["a:b", "a:c"]
    assert "install:mine" in ordered


def test_a_hundred_steps_each_after_the_one_before() -> None:
    many = [step(f"s{number}", "lock", f"s{number - 1}" if number else "lock") for number in range(100)]
    assert list(steps(*reversed(many)))[-100:] == [f"s{number}" for number in range(100)]


def test_replacing_step_takes_name_and_place() -> None:
    ordered = steps(step("own-purge", "purge", replaces="purge"))
    assert ordered["purge"].doc == "added (plugin mine)"
    assert "purge" in ordered["verify"].needs
    assert set(steps()["purge"].needs) <= set(ordered["purge"].needs)


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ([step("scan")], "the step scan of plugin mine 1.0 (dist) has the name of one of lockhouse's own"),
        ([step("x", "verfy")], "belongs to the phase 'verfy'; did you mean verify?"),
        ([step("x", "lock", "prge")], "needs the step prge, which does not exist; did you mean purge?"),
        ([step("x", replaces="y")], "replaces y, which does not exist; there are detect, "),
        ([step("x", "scan", "verify")], "belongs to the phase scan and needs verify, of the later phase verify"),
        ([step("a b")], "has a name that means something else, or nothing"),
        ([step("a=b")], "has a name that means something else, or nothing"),
        ([step("rollback")], "has a name that means something else"),
        ([step("verify:x", "verify")], "only install: is a group"),
        ([step("install:x", "purge")], "only install: is a group"),
        ([step("own", "purge", "own", replaces="purge")], "wait for each other in a circle"),
    ],
)
def test_step_that_does_not_fit_is_named(added: list[Step], words: str) -> None:
    with pytest.raises(PluginError) as caught:
        steps(*added)
    assert words in caught.value.summary
    assert caught.value.plugin == "mine"
    assert "LOCKHOUSE_DISABLE_PLUGINS=mine" in caught.value.hints[0].text


@pytest.mark.parametrize(
    ("added", "words"),
    [
        (
            [step("x", replaces="purge", plugin="one"), step("z", replaces="purge", plugin="two")],
            "the step z of plugin two 1.0 (dist) replaces purge, and so does one of plugin one 1.0 (dist)",
        ),
        (
            [step("x", plugin="one", outputs=(Path("a"),)), step("y", plugin="two", outputs=(Path("/p/a"),))],
            "the step y of plugin two 1.0 (dist) writes /p/a, and so does the step x of plugin one 1.0 (dist)",
        ),
        (
            [step("x", plugin="one"), step("x", plugin="two")],
            "the step x of plugin two 1.0 (dist) has the name of one of plugin one 1.0 (dist)",
        ),
        (
            [step("a:b", "scan", plugin="one"), step("a:c", "lock", plugin="two")],
            "the step a:c of plugin two 1.0 (dist) has a name that begins like a:b of plugin one 1.0 (dist)",
        ),
        ([step("a:b", plugin="one"), step("a", plugin="two")], "none has the name of the group"),
        ([step("a", plugin="one"), step("a:b", plugin="two")], "none has the name of the group"),
        (
            [step("x", "lock", "y", plugin="one"), step("y", "lock", "x", plugin="two")],
            "circle: x of plugin one 1.0 (dist) needs y of plugin two 1.0 (dist) needs x of plugin one 1.0 (dist)",
        ),
    ],
)
def test_plugins_that_contradict_each_other_are_both_named_and_either_can_be_left_out(
    added: list[Step], words: str
) -> None:
    with pytest.raises(PluginError) as caught:
        steps(*added)
    assert words in caught.value.summary
    assert {hint.text.partition(",")[0].rpartition("=")[2] for hint in caught.value.hints} == {"one", "two"}


@pytest.mark.parametrize("name", sorted({verb.name for verb in VERBS} - set(PHASES) | {"info", "list"}))
def test_step_cannot_be_called_like_a_verb(name: str) -> None:
    with pytest.raises(PluginError, match="means something else"):
        steps(step(name))


def test_step_cannot_write_what_lockhouse_writes() -> None:
    verify = steps()["verify"]
    with pytest.raises(PluginError, match="and so does the step verify of lockhouse"):
        steps(step("x", outputs=verify.outputs))


def test_all_that_does_not_fit_is_told_at_once() -> None:
    with pytest.raises(PluginError) as caught:
        steps(step("scan"), step("x", "lock", "nowhere", plugin="other"), step("y", replaces="nothing"))
    assert caught.value.summary == "3 steps of plugins do not fit into the pipeline"
    assert len((caught.value.cause or "").splitlines()) == 3
