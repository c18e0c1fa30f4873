"""The steps of a run as doit tasks, and what doit reports to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from doit.cmd_base import TaskLoader2
from doit.cmd_run import Run as RunCommand
from doit.cmdparse import CmdParseError
from doit.dependency import JsonDB
from doit.exceptions import BaseFail, InvalidCommand, InvalidDodoFile, InvalidTask, TaskFailed
from doit.loader import generate_tasks
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


class _Command(RunCommand):  # type: ignore[misc]  # doit has no types
    """doit's ``run``, with nothing of what others have added to doit.

    That is for doit's own command line. Looking for it means reading the entry points of every installed distribution,
    three times, which takes longer than putting the tasks in order.
    """

    def get_backends(self) -> dict[str, type]:
        """Give the databases that there are."""
        return {"json": JsonDB}

    def get_reporters(self) -> dict[str, type]:
        """Give the reporters that can be asked for by name."""
        return {}


class _Loader(TaskLoader2):  # type: ignore[misc]  # doit has no types
    """Tasks for doit out of the steps of a run; nothing is looked for in a module."""

    def __init__(self, run: Run, settings: dict[str, Any]) -> None:
        super().__init__()
        self.run = run
        self.settings = settings

    def load_doit_config(self) -> dict[str, Any]:
        """Give what a ``dodo.py`` would have as DOIT_CONFIG."""
        return self.settings

    def load_tasks(self, cmd: object, pos_args: object) -> list[Task]:
        """Give the tasks of all phases."""
        return [task for phase in PHASES for task in generate_tasks(phase, creator(phase, lambda: self.run)())]


def execute(verb: str, run: Run) -> None:
    """Run the tasks of a verb; what stopped them is kept in the run."""
    complaints: list[str] = []
    settings = {**NO_DATABASE, "reporter": reporter(lambda: run, complaints.append, lambda: None)}
    try:
        # No configuration: [tool.doit] of the current directory must not change what is run.
        command = _Command(task_loader=_Loader(run, settings), config={}, bin_name="lockhouse", opt_vals={})
        status = command.parse_execute([verb])
    except (CmdParseError, InvalidCommand, InvalidDodoFile, InvalidTask) as error:
        raise InternalError("doit could not run the tasks", cause=str(error)) from error
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
