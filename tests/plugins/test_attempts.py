"""What passes for done must have been done: plugins run steps and go around them, and are not believed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.contexts import context_at
from fixtures.site import Site
from fixtures.standins import run, stand_in
from fixtures.strangers import Strangers
from lockhouse.errors import InternalError, PluginError
from lockhouse.plugins import Plugins
from lockhouse.run import Run
from lockhouse.steps import Context, Step

HEAD = "from lockhouse.hookspecs import hookimpl\nfrom lockhouse.steps import Step\n"
CLAIMING = "@hookimpl\ndef lockhouse_run_step(step):\n    return step.name == NAME\n"
SWALLOWING = """
@hookimpl(wrapper=True)
def lockhouse_run_step(step):
    try:
        return (yield)
    except BaseException:
        return True
"""


@pytest.fixture
def context(tmp_path: Path) -> Context:
    made = context_at(tmp_path)[0]
    made.state.written.clear()
    return made


@pytest.mark.parametrize(
    "name", ["detect", "plan", "download", "scan", "create", "install:base", "purge", "verify", "lock"]
)
def test_step_that_a_plugin_only_claims_to_have_run_is_not_done(
    name: str, strangers: Strangers, context: Context
) -> None:
    if name == "download":
        (context.project.wheelhouse / "alpha-1.0-py3-none-any.whl").unlink()
    strangers.install("claims", HEAD + CLAIMING.replace("NAME", repr(name)))
    context.plugins = strangers.load()
    run = Run(context)
    error = run.act(run.steps[name])
    assert isinstance(error, PluginError)
    assert (error.plugin, error.exit_status) == ("claims", 1)
    assert name in error.summary
    assert "never begun" in str(error.cause)
    assert "LOCKHOUSE_DISABLE_PLUGINS=claims" in error.hints[0].text


def test_step_of_which_not_all_outputs_are_there_is_not_done(strangers: Strangers, context: Context) -> None:
    code = "def run(context): pass\n@hookimpl\ndef lockhouse_steps(plan):\n"
    code += "    yield Step(name='own', phase='detect', doc='d', run=run, outputs=('made.txt',))\n"
    strangers.install("promises", HEAD + code)
    context.plugins = strangers.load()
    run = Run(context)
    error = run.act(run.steps["own"])
    assert isinstance(error, PluginError)
    assert error.plugin == "promises"
    assert "made.txt" in str(error.cause)


def test_step_that_stands_in_for_another_has_to_do_its_work(strangers: Strangers, context: Context) -> None:
    code = "def run(context): pass\n@hookimpl\ndef lockhouse_steps(plan):\n"
    code += "    yield Step(name='own', phase='scan', doc='d', run=run, outputs=('proof',), replaces='scan')\n"
    (context.project.root / "proof").write_text("")
    strangers.install("lazy", HEAD + code)
    context.plugins = strangers.load()
    run = Run(context)
    error = run.act(run.steps["scan"])
    assert isinstance(error, PluginError)
    assert error.plugin == "lazy"


@pytest.mark.parametrize("done", ["1 / 0", "sys.exit()"])
def test_plugin_that_cannot_say_whether_its_work_is_done_is_named(
    done: str, strangers: Strangers, context: Context
) -> None:
    code = f"import sys\ndef run(context): pass\ndef done(context): {done}\n@hookimpl\ndef lockhouse_steps(plan):\n"
    code += "    yield Step(name='own', phase='detect', doc='d', run=run, done=done)\n"
    strangers.install("unsure", HEAD + code)
    context.plugins = strangers.load()
    run = Run(context)
    error = run.act(run.steps["own"])
    assert isinstance(error, PluginError)
    assert "done()" in error.summary


def test_without_plugins_work_that_is_not_done_is_a_defect(context: Context) -> None:
    context.plugins = Plugins([])
    run = Run(context)
    step = Step(name="x", phase="scan", doc="", run=lambda context: None, done=lambda context: False)
    assert isinstance(run.act(step), InternalError)


def test_verify_fails_although_a_plugin_swallows_what_it_raises(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    site.installed()
    plugins = site.root / "plugins"
    plugins.mkdir()
    (plugins / "hushes.py").write_text(HEAD + SWALLOWING, encoding="utf-8")
    assert site.run("verify").status == 0
    (site.site_packages() / "alpha" / "new.py").write_text("")

    result = site.run("verify")

    assert result.status == 1
    assert "plugin hushes" in result.err
    assert "alpha/new.py" in result.err
    assert site.doit("verify").status == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_interruption_that_a_plugin_swallows_is_one_all_the_same(tmp_path: Path) -> None:
    root = stand_in(tmp_path, "os.kill(os.getpid(), signal.SIGINT)")
    (root / "plugins" / "hushes.py").write_text(HEAD + SWALLOWING, encoding="utf-8")
    ended = run(root, "detect")
    assert ended.returncode == 130
    assert ended.stderr.splitlines()[-1] == "interrupted"
