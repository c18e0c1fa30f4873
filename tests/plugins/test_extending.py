"""Three plugins that do not know each other change the pipeline: one replaces, one wraps, one adds a step."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fixtures.site import Result, Site

REPLACING = """
from lockhouse.hookspecs import hookimpl
from lockhouse.phases import purge
from lockhouse.steps import Step


def run(context):
    (own,) = purge.steps(context.project, context.manifest)
    (context.building.path / "house-rules.txt").write_text("be nice")
    own.run(context)


@hookimpl
def lockhouse_steps(plan):
    yield Step(name="house-purge", phase="purge", doc="leave the house rules, then seal", run=run, replaces="purge")
"""
WRAPPING = """
from lockhouse.events import Message
from lockhouse.hookspecs import hookimpl


@hookimpl(wrapper=True)
def lockhouse_run_step(step, context):
    if step.name != "install:torch":
        return (yield)
    context.emit(Message(level="info", text="before torch"))
    done = yield
    context.emit(Message(level="info", text="after torch"))
    return done
"""
ADDING = """
from pathlib import Path

from lockhouse.evidence import VerifyReport
from lockhouse.hookspecs import hookimpl
from lockhouse.steps import Step


def run(context):
    report = context.state.read(VerifyReport)
    Path(context.project.root, "proof.txt").write_text(report.environment_digest)
    context.summarise("publish", "the proof is out")


@hookimpl
def lockhouse_steps(plan):
    yield Step(
        name="publish",
        phase="verify",
        doc="tell what was proven",
        needs=("verify",),
        outputs=(Path("proof.txt"),),
        run=run,
    )
"""
RECORDING = """
import json
import shutil

from lockhouse.codec import encode
from lockhouse.hookspecs import hookimpl

PLACE = {place!r}


@hookimpl
def lockhouse_event(event):
    with open(PLACE, "a") as file:
        file.write(json.dumps([type(event).__name__, encode(event)]) + "\\n")
"""


@pytest.fixture
def extended(site: Site) -> Site:
    """A project with two stages and the three plugins, and one that writes down what happens."""
    for name in ("alpha", "torch"):
        site.wheel(name)
    stages = [{"name": "base", "requirements": ["alpha"]}, {"name": "torch", "requirements": ["torch"]}]
    site.manifest(stages=stages)
    folder = site.root / "plugins"
    folder.mkdir()
    (folder / "replacing.py").write_text(REPLACING)
    (folder / "wrapping.py").write_text(WRAPPING)
    (folder / "adding.py").write_text(ADDING)
    (folder / "recording.py").write_text(RECORDING.format(place=str(site.root / "events")))
    return site


def ended(site: Site) -> dict[str, str]:
    """The steps that ended since the last look, in order, and how."""
    told = [json.loads(line) for line in (site.root / "events").read_text().splitlines()]
    (site.root / "events").unlink()
    return {event["step"]: event["outcome"] for kind, event in told if kind == "StepFinished"}


def installed(site: Site) -> Result:
    result = site.doit("install")
    assert result.status == 0, result.out + result.err
    return result


def test_order_and_effect_are_seen_in_the_list_of_tasks_in_events_and_on_disk(extended: Site) -> None:
    listed = extended.doit("list", "--all")
    tasks = dict(line.split(maxsplit=1) for line in listed.out.splitlines())
    assert tasks["purge"] == "leave the house rules, then seal (plugin replacing)"
    assert tasks["publish"] == "tell what was proven (plugin adding)"
    assert "house-purge" not in tasks
    assert list(tasks).index("verify") < list(tasks).index("publish") < list(tasks).index("lock")

    shown = installed(extended).out.splitlines()

    assert list(ended(extended))[-6:] == ["install:base", "install:torch", "purge", "verify", "publish", "lock"]
    assert shown.index("before torch") < shown.index("after torch")
    assert (extended.venv / "house-rules.txt").read_text() == "be nice"
    assert (extended.root / "proof.txt").read_text() == extended.digest()


def test_with_nothing_to_do_nothing_is_done_again(extended: Site) -> None:
    installed(extended)
    ended(extended)
    again = installed(extended)
    assert set(ended(extended).values()) == {"up-to-date"}
    assert "before torch" not in again.out


def test_a_file_that_an_added_step_had_written_is_written_again(extended: Site) -> None:
    installed(extended)
    (extended.root / "proof.txt").unlink()
    ended(extended)
    installed(extended)
    assert [step for step, outcome in ended(extended).items() if outcome == "done"] == ["publish"]
    assert (extended.root / "proof.txt").exists()


def test_an_environment_that_other_plugins_would_have_built_is_built_anew(extended: Site) -> None:
    path = extended.root / "plugins" / "replacing.py"
    path.rename(path.with_suffix(".off"))
    installed(extended)
    path.with_suffix(".off").rename(path)

    refused = extended.doit("install")
    assert "generation 1 was built with other steps of plugins" in refused.out
    assert refused.status == 1  # the lock promises an environment without the rules of the house
    assert "the lock promises the environment digest" in refused.err

    assert extended.doit("upgrade").status == 0
    assert (extended.venv / "house-rules.txt").exists()
    assert extended.doit("verify").status == 0


def test_a_plugin_that_takes_no_part_in_building_leaves_the_environment_as_it_is(extended: Site) -> None:
    path = extended.root / "plugins" / "adding.py"
    path.rename(path.with_suffix(".off"))
    installed(extended)
    before = extended.venv.resolve()
    path.with_suffix(".off").rename(path)
    installed(extended)
    assert extended.venv.resolve() == before
    assert (extended.root / "proof.txt").exists()


def test_a_step_that_fails_between_verify_and_lock_leaves_everything_as_it_was(extended: Site) -> None:
    (extended.root / "plugins" / "adding.py").write_text(ADDING.replace("    report =", "    1 / 0\n    report ="))
    result = extended.doit("install")
    assert result.status == 1
    assert "plugin adding failed: the step publish" in result.err
    assert not extended.venv.exists()


def test_a_proof_that_builds_runs_what_stands_between_verify_and_lock(extended: Site) -> None:
    installed(extended)
    fresh = extended.root / ".lockhouse"
    extended.venv.unlink()
    shutil.rmtree(fresh)
    (extended.root / "proof.txt").unlink()
    assert extended.run("verify").status == 0
    assert (extended.root / "proof.txt").exists()

    extended.venv.unlink()
    shutil.rmtree(fresh)
    (extended.root / "plugins" / "adding.py").write_text(ADDING.replace("    report =", "    1 / 0\n    report ="))
    assert extended.run("verify").status == 1
    assert not extended.venv.exists()


def test_names_that_a_terminal_cannot_show_break_nothing(site: Site) -> None:
    folder = site.root / "plugins"
    folder.mkdir()
    (folder / "größe_加速.py").write_text("raise ValueError('größe 加速')", encoding="utf-8")
    site.environment |= {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    result = site.run("plugins")
    assert result.status == 0, result.err
    assert "failed" in result.out


def test_plugins_that_contradict_each_other_are_refused_before_anything_happens(extended: Site) -> None:
    (extended.root / "plugins" / "another.py").write_text(REPLACING)
    for result in (extended.doit("install"), extended.run("install")):
        assert result.status == 1
        assert "plugin replacing sha256:" in result.err
        assert "plugin another sha256:" in result.err
        assert "LOCKHOUSE_DISABLE_PLUGINS=another" in result.err
    assert not (extended.root / "wheelhouse").exists()


def test_what_is_built_does_not_run_again_in_a_finished_environment(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    folder = site.root / "plugins"
    folder.mkdir()
    code = REPLACING.replace(', replaces="purge"', "").replace('phase="purge"', 'phase="install"')
    (folder / "writing.py").write_text(code.replace("    (own,)", "    #").replace("    own.run(context)", ""))
    site.installed()
    before = Path(site.venv).resolve()
    site.installed()
    assert site.venv.resolve() == before
    assert site.run("verify").status == 0
