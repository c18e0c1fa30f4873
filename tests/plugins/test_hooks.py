"""Every hook has an example that works as it stands, and a test that shows what it is for."""

from __future__ import annotations

import inspect
import logging
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.contexts import host_of
from fixtures.generations import INTERPRETER
from fixtures.site import RELEASE, Site
from fixtures.strangers import Strangers
from fixtures.values import plan_of, planned
from lockhouse import hookspecs
from lockhouse.errors import NetworkError
from lockhouse.events import Message
from lockhouse.host import Host
from lockhouse.plugins import Plugins
from lockhouse.steps import Step

ROOT = Path(__file__).parents[2]
HOOKS = [name for name, value in vars(hookspecs).items() if name.startswith("lockhouse_") and inspect.isfunction(value)]


def example(hook: str) -> str:
    """The example at the end of a hook's docstring."""
    before, marker, code = (inspect.getdoc(getattr(hookspecs, hook)) or "").partition("Example::\n")
    assert marker, f"{hook} has no example"
    assert before.strip(), f"{hook} does not say what it gives"
    return inspect.cleandoc(code)


def loaded(strangers: Strangers, hook: str) -> Plugins:
    """The example of a hook as a file in the project's folder of plugins."""
    strangers.drop("example.py", example(hook))
    plugins = strangers.load()
    record = plugins.records[-1]
    assert (record.name, record.status, record.hooks) == ("example", "active", (hook,)), record.reason
    return plugins


def accelerators(strangers: Strangers) -> None:
    strangers.monkeypatch.syspath_prepend(str(ROOT / "examples" / "lockhouse-ascend"))
    plugins = loaded(strangers, "lockhouse_accelerators")
    assert plugins.accelerators()[-1].namespace == "ascend"
    sys.modules.pop("lockhouse_ascend", None)


def environments(strangers: Strangers) -> None:
    provider = loaded(strangers, "lockhouse_environments").environment("bare")
    path = strangers.site.parent / "environment"
    path.mkdir()
    provider.create(path, INTERPRETER)
    assert provider.scheme(path, INTERPRETER).python.exists()
    assert [item.name for item in (path / "bin").iterdir() if "ctivate" in item.name] == []


def steps(strangers: Strangers) -> None:
    (step,) = loaded(strangers, "lockhouse_steps").steps(None)
    assert (step.name, step.phase, step.plugin, step.outputs) == (
        "announce",
        "lock",
        "example",
        (Path("environment.txt"),),
    )


def run_step(strangers: Strangers) -> None:
    from fixtures.contexts import context_at

    context, heard = context_at(strangers.site.parent / "project")
    step = Step(name="scan", phase="scan", doc="d", run=lambda context: None)
    loaded(strangers, "lockhouse_run_step").run_step(step, context)
    (message,) = [event for event in heard.events if isinstance(event, Message)]
    assert re.fullmatch(r"scan: \d+\.\d s", message.text)


def audits(strangers: Strangers) -> None:
    assert loaded(strangers, "lockhouse_audits").audits()[-1].name == "no-forks"


def checks(strangers: Strangers) -> None:
    plugins, host = loaded(strangers, "lockhouse_checks"), host_of()
    assert [check.name for check in plugins.checks(plan_of(planned("torch")), host)] == ["torch threads"]
    assert plugins.checks(plan_of(planned("alpha")), host) == ()


def build_settings(strangers: Strangers) -> None:
    plugins, host = loaded(strangers, "lockhouse_build_settings"), host_of()
    assert isinstance(host, Host)
    assert plugins.build_settings("flash-attn==2", host) == {"MAX_JOBS": str(host.readings.cpus)}
    assert plugins.build_settings("other", host) == {}


def hints(strangers: Strangers) -> None:
    plugins = loaded(strangers, "lockhouse_hints")
    assert [hint.code for hint in plugins.hints(NetworkError("no", url="u"))] == ["vpn"]


def event(strangers: Strangers) -> None:
    told: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    plugins, handler, log = loaded(strangers, "lockhouse_event"), Keeping(), logging.getLogger("lockhouse")
    strangers.monkeypatch.setattr(log, "handlers", [handler])
    strangers.monkeypatch.setattr(log, "level", logging.INFO)
    plugins.event(Message(level="info", text="hello"))
    plugins.close()
    assert told == ["Message(level='info', text='hello')"]


SHOWN: dict[str, Callable[[Strangers], None]] = {
    "lockhouse_accelerators": accelerators,
    "lockhouse_environments": environments,
    "lockhouse_steps": steps,
    "lockhouse_run_step": run_step,
    "lockhouse_audits": audits,
    "lockhouse_checks": checks,
    "lockhouse_build_settings": build_settings,
    "lockhouse_hints": hints,
    "lockhouse_event": event,
}


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_of_a_hook_works_as_it_stands(hook: str, strangers: Strangers) -> None:
    SHOWN[hook](strangers)
    assert strangers.heard.warnings == []


def test_no_hook_is_without_a_test_and_no_test_without_a_hook() -> None:
    assert list(SHOWN) == HOOKS
    assert all(f"## `{hook}(" in (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8") for hook in HOOKS)


def test_the_examples_work_together_in_a_project(site: Site) -> None:
    folder = site.root / "plugins"
    folder.mkdir()
    for hook in HOOKS:
        if hook != "lockhouse_accelerators":  # it needs the plugin of the tutorial
            (folder / f"{hook}.py").write_text(example(hook), encoding="utf-8")
    site.wheel("alpha")
    site.manifest("alpha", python={"version": RELEASE, "provider": "bare"})
    result = site.installed()
    assert (site.root / "environment.txt").read_text().split()[-1] == "alpha"
    assert "install:base: " in result.err
    assert "warning" not in result.err
    assert not (site.venv / "bin" / "activate").exists()
    site.wheel("alpha-fork")
    site.manifest("alpha-fork", python={"version": RELEASE, "provider": "bare"})
    assert site.run("scan").status == 3
