"""One run over one context."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fixtures.contexts import context_at
from lockhouse.host import Host
from lockhouse.run import Run
from lockhouse.state import State


def test_a_run_works_on_what_is_there_once_it_has_the_project_alone(tmp_path: Path) -> None:
    context = context_at(tmp_path)[0]
    host = context.state.read(Host)
    assert host is not None
    run = Run(context)
    other = replace(host, fingerprint="of the run that was waited for")
    State(context.project.state).write(other)

    run.begin(frozenset({"plan"}))
    run.close()

    assert context.state.read(Host) == other
