"""The order of steps, and what plugins may do to it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from lockhouse.errors import PluginError
from lockhouse.manifestfile import parse_manifest
from lockhouse.pipeline import pipeline
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


def step(name: str, phase: str = "lock", *needs: str, replaces: str | None = None) -> Step:
    return Step(name=name, phase=phase, doc="added", run=nothing, needs=needs, replaces=replaces, plugin="mine")


def steps(*added: Step) -> dict[str, Step]:
    project = Project(root=Path("/p"), manifest=Path("/p/demo.json"), name="demo", pointer=Path("/p/.venv"))
    return {step.name: step for step in pipeline(project, MANIFEST, added)}


def test_built_in_steps_stand_in_order_and_each_needs_the_one_before() -> None:
    ordered = steps()
    assert tuple(ordered) == BUILT_IN
    for before, after in itertools.pairwise(BUILT_IN):
        assert before in ordered[after].needs or after == "purge"
    assert {"install:base", "install:torch"} & set(ordered["purge"].needs)


def test_added_step_comes_after_what_it_needs() -> None:
    ordered = list(steps(step("announce", "lock", "tell"), step("tell", "verify", "verify")))
    assert ordered.index("verify") < ordered.index("tell") < ordered.index("announce")


def test_replacing_step_takes_name_and_place() -> None:
    ordered = steps(step("own-purge", "purge", replaces="purge"))
    assert ordered["purge"].doc == "added"
    assert "purge" in ordered["verify"].needs
    assert set(steps()["purge"].needs) <= set(ordered["purge"].needs)


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ([step("scan")], "name of another"),
        ([step("x", "party")], "belongs to the phase 'party'"),
        ([step("x", "lock", "y")], "needs the step y"),
        ([step("x", replaces="y")], "replaces y, which does not exist"),
        ([step("x", replaces="purge"), step("z", replaces="purge")], "so does another"),
        ([step("x", "lock", "y"), step("y", "lock", "x")], "circle"),
    ],
)
def test_step_that_does_not_fit_is_named(added: list[Step], words: str) -> None:
    with pytest.raises(PluginError, match=words) as caught:
        steps(*added)
    assert caught.value.plugin == "mine"
