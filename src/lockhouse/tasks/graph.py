"""The steps of a run as doit tasks, and what doit reports to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from doit import doit_cmd
from doit.cmd_base import ModuleTaskLoader
from doit.exceptions import BaseFail, TaskFailed
from doit.task import Task

from lockhouse.errors import InternalError, Interrupted
from lockhouse.interruption import was_interrupted
from lockhouse.pipeline import AFTER_INSTALL, PHASES
from lockhouse.run import Run
from lockhouse.steps import Step

__all__ = ["NO_DATABASE", "creator", "execute", "reporter"]


class _Forgetful:
    """Keeps nothing of what doit wants to remember.

    Its database tells only which tasks somebody has run, or wants to be skipped: nothing that holds when the next run
    begins. And it is written in place, so that a kill can leave it broken for all that follow.
    """

    def encode(self, data: object) -> str:
        """Give the text for what is to be remembered."""
        return ""

    def decode(self, text: str) -> dict[str, Any]:
        """Read what was remembered."""
        return {}


NO_DATABASE = {"backend": "json", "dep_file": os.devnull, "codec_cls": _Forgetful}
"""Settings for doit by which it remembers nothing, and writes to no file."""


def execute(verb: str, run: Run) -> None:
    """Run the tasks of a verb; what stopped them is kept in the run."""
    complaints: list[str] = []
    tasks: dict[str, Any] = {f"task_{phase}": creator(phase, lambda: run) for phase in PHASES}
    tasks["DOIT_CONFIG"] = {**NO_DATABASE, "reporter": reporter(lambda: run, complaints.append, lambda: None)}
    # config_filenames: [tool.doit] of the current directory must not change what is run.
    status = doit_cmd.DoitMain(ModuleTaskLoader(tasks), config_filenames=()).run([verb])
    if status != 0 and run.error is None:
        raise InternalError(f"doit ended with status {status}", cause="\n".join(complaints) or None)


def creator(phase: str, current: Callable[[], Run]) -> Callable[[], Iterator[dict[str, Any]]]:
    """Make doit's creator for the tasks of a phase. The group ``install`` is the whole pipeline."""

    def create() -> Iterator[dict[str, Any]]:
        run = current()
        for step in run.steps.values():
            if step.phase == phase:
                yield _task(run, step)
        if phase == "install":
            yield {
                "basename": "install",
                "name": None,
                "doc": "the whole pipeline, through lock",
                "task_dep": [step.name for step in run.steps.values() if step.phase in ("install", *AFTER_INSTALL)],
            }

    return create


def _task(run: Run, step: Step) -> dict[str, Any]:
    def act() -> TaskFailed | None:
        error = run.act(step)
        return None if error is None else TaskFailed(error.summary)

    basename, _, name = step.name.partition(":")
    return {
        "basename": basename,
        **({"name": name} if name else {}),
        "actions": [act],
        "task_dep": list(step.needs),
        "targets": [str(path) for path in step.outputs],
        "uptodate": [_Current(run, step)],
        "doc": step.doc,
        "verbosity": 2,
        "io": {"capture": False},
    }


class _Current:
    """Whether a step has nothing to do; ``doit info`` shows it as the reason why there is something."""

    def __init__(self, run: Run, step: Step) -> None:
        self._run, self._step = run, step

    def __call__(self) -> bool:
        return self._run.up_to_date(self._step)

    def __repr__(self) -> str:
        return f"whether {self._step.name} has nothing to do, by what is on disk"


def reporter(current: Callable[[], Run], complain: Callable[[str], object], finish: Callable[[], None]) -> type:
    """Make the class that doit reports to. What happens is told by events; this one begins and ends the run.

    ``complain`` takes what doit has to say, ``finish`` is called at the end, however it came to it.
    """

    class Reporter:
        desc = "lockhouse's own"

        def __init__(self, outstream: object, options: Mapping[str, object]) -> None:
            pass

        def initialize(self, tasks: Mapping[str, Task], selected_tasks: list[str]) -> None:
            current().begin(frozenset(selected_tasks))

        def add_failure(self, task: Task, fail: BaseFail) -> None:
            complain(fail.get_msg())

        def cleanup_error(self, exception: BaseFail) -> None:
            complain(exception.get_msg())

        def runtime_error(self, msg: str) -> None:
            complain(msg)

        def complete_run(self) -> None:
            if (ended := sys.exception()) is not None and was_interrupted(ended):
                current().error = Interrupted("interrupted")
            finish()

        def ignore(self, task: Task) -> None:
            pass

        get_status = execute_task = add_success = skip_uptodate = skip_ignore = teardown_task = ignore

    return Reporter
