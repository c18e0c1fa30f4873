"""The trace of hook calls: each with its plugin, its hook, the time it took and what came of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixtures.contexts import context_at
from fixtures.strangers import Strangers
from lockhouse.errors import CheckFailed, InternalError
from lockhouse.events import Message
from lockhouse.hooktrace import TRACE_VARIABLE
from lockhouse.steps import Context, Step

CODE = """
from lockhouse.errors import Hint
from lockhouse.hookspecs import hookimpl

@hookimpl
def lockhouse_hints(error):
    return [Hint("x", "x")] if error.summary == "x" else 1 / 0

@hookimpl
def lockhouse_event(event):
    pass
"""
RUNNER = (
    "from lockhouse.hookspecs import hookimpl\n@hookimpl\ndef lockhouse_run_step(step): return step.name == 'scan'\n"
)
WRAPPER = (
    "from lockhouse.hookspecs import hookimpl\n@hookimpl(wrapper=True)\ndef lockhouse_run_step(): return (yield)\n"
)


def trace(strangers: Strangers, plugin: str, level: str = "detail") -> list[str]:
    told = [event for event in strangers.heard.events if isinstance(event, Message) and event.level == level]
    texts = [event.text for event in told if f"plugin {plugin} " in event.text]
    return [re.sub(r"\d+\.\d{4} s", "TIME", text) for text in texts if text.startswith("hook ")]


def test_every_call_is_told_with_plugin_hook_time_and_outcome(strangers: Strangers) -> None:
    strangers.install("help-desk", CODE, plugin="desk", version="2.5")
    plugins = strangers.load()
    plugins.hints(InternalError("x"))
    plugins.hints(InternalError("y"))
    plugins.event(Message(level="info", text="a"))
    plugins.event(Message(level="info", text="b"))
    plugins.close()
    assert trace(strangers, "desk") == [
        "hook import, plugin desk 2.5 (help-desk): TIME, implements lockhouse_event, lockhouse_hints",
        "hook lockhouse_hints, plugin desk 2.5 (help-desk): TIME, 1 answer",
        "hook lockhouse_hints, plugin desk 2.5 (help-desk): TIME, raised ZeroDivisionError: division by zero",
        "hook lockhouse_event, plugin desk 2.5 (help-desk): TIME, heard 2 events",
    ]


def test_with_the_variable_everybody_sees_it(strangers: Strangers, monkeypatch: pytest.MonkeyPatch) -> None:
    strangers.install("desk", CODE)
    monkeypatch.setenv(TRACE_VARIABLE, "1")
    strangers.load()
    assert trace(strangers, "desk", "info")
    assert not trace(strangers, "desk")


def test_who_ran_a_step_and_who_was_around_it_is_told(strangers: Strangers, tmp_path: Path) -> None:
    context, _ = context_at(tmp_path / "project")
    strangers.install("around", WRAPPER)
    strangers.install("runner", RUNNER)
    plugins = strangers.load()

    def fail(context: Context) -> None:
        raise CheckFailed("no")

    def step(name: str) -> Step:
        return Step(name=name, phase="scan", doc="d", run=fail)

    plugins.run_step(step("scan"), context)
    with pytest.raises(CheckFailed):
        plugins.run_step(step("other"), context)
    assert [text.partition("TIME, ")[2] for text in trace(strangers, "runner")[1:]] == [
        "took over: scan",
        "left to others: other",
    ]
    assert [text.partition("TIME, ")[2] for text in trace(strangers, "around")[1:]] == [
        "around scan",
        "around other, which raised CheckFailed: no",
    ]


def test_of_two_plugins_that_would_run_a_step_the_first_by_name_does(strangers: Strangers, tmp_path: Path) -> None:
    context, _ = context_at(tmp_path / "project")
    strangers.install("b", RUNNER)
    strangers.install("a", RUNNER)
    strangers.load().run_step(Step(name="scan", phase="scan", doc="d", run=lambda context: None), context)
    assert len(trace(strangers, "a")) == 2
    assert len(trace(strangers, "b")) == 1
