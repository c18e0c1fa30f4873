"""Steps as doit tasks: for ``dodo.py`` and for the console command. The only module that imports doit.

doit orders the steps and skips those that are up to date; whether one is, its step decides from what is on disk, never
doit's own database. Tasks run one after the other (a step is parallel inside), so that progress can be shown.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from doit import doit_cmd
from doit.cmd_base import ModuleTaskLoader
from doit.exceptions import BaseFail, TaskFailed
from doit.task import Task

from lockhouse.errors import Hint, InternalError, Interrupted, LockhouseError, UsageError
from lockhouse.events import Emit, Event
from lockhouse.manifestfile import load_manifest
from lockhouse.pipeline import PHASES
from lockhouse.plan import Selection
from lockhouse.plugins import Plugins
from lockhouse.project import Project, find_manifest
from lockhouse.run import Run
from lockhouse.state import State
from lockhouse.steps import Context, Options, Step

__all__ = [
    "DOIT_CONFIG",
    "VERBS",
    "open_context",
    "run_verb",
    "task_create",
    "task_destroy",
    "task_detect",
    "task_download",
    "task_install",
    "task_lock",
    "task_plan",
    "task_purge",
    "task_scan",
    "task_verify",
]

VERBS = ("detect", "plan", "download", "scan", "install", "verify")
"""The verbs that run the pipeline up to a phase; ``install`` runs all of it."""

VARIABLES = ("manifest", "accelerator", "offline", "locked")
"""What may stand as ``name=value`` on doit's command line."""

ACCELERATOR_VARIABLE = "LOCKHOUSE_ACCELERATOR"

AFTER_INSTALL = PHASES[PHASES.index("purge") :]


def open_context(root: Path, manifest: str | None, options: Options, emit: Emit) -> Context:
    """Find and read the manifest of a project and load its plugins; raise UsageError or ManifestError."""
    root = root.absolute()
    path = find_manifest(root, manifest)
    wanted = load_manifest(path)
    pointer = root / Path(wanted.environment.path).expanduser()
    project = Project(root=root, manifest=path, name=wanted.name, pointer=pointer)
    if options.selection.accelerator is None and os.environ.get(ACCELERATOR_VARIABLE):
        chosen = replace(options.selection, accelerator=os.environ[ACCELERATOR_VARIABLE])
        options = replace(options, selection=chosen)
    plugins = Plugins.load(project.plugins, emit)

    def tell(event: Event) -> None:
        emit(event)
        plugins.event(event)

    return Context(
        project=project,
        manifest=wanted,
        options=options,
        plugins=plugins,
        state=State(project.state),
        emit=tell,
    )


def run_verb(verb: str, context: Context) -> None:
    """Run the tasks of a verb; raise the error that stopped them."""
    run = Run(context)
    complaints: list[str] = []
    tasks: dict[str, Any] = {f"task_{phase}": _creator(phase, lambda: run, _interrupt) for phase in PHASES}
    tasks["DOIT_CONFIG"] = {
        "dep_file": str(context.project.home / "doit.json"),
        "backend": "json",
        "reporter": _reporter(lambda: run, complaints, lambda: None),
    }
    try:
        # config_filenames: [tool.doit] of the current directory must not change what is run.
        status = doit_cmd.DoitMain(ModuleTaskLoader(tasks), config_filenames=()).run([verb])
    finally:
        run.close()
    if run.error is not None:
        raise run.error
    if status != 0:
        raise InternalError(f"doit ended with status {status}", cause="\n".join(complaints) or None)


# --- steps as tasks --------------------------------------------------------------------------------------------------


def _creator(
    phase: str, current: Callable[[], Run], interrupted: Callable[[], NoReturn]
) -> Callable[[], Iterator[dict[str, Any]]]:
    """Make doit's creator for the tasks of a phase. The group ``install`` is the whole pipeline.

    ``interrupted`` says how Ctrl-C leaves a task: doit itself would show a traceback.
    """

    def create() -> Iterator[dict[str, Any]]:
        run = current()
        for step in run.steps.values():
            if step.phase == phase:
                yield _task(run, step, interrupted)
        if phase == "install":
            yield {
                "basename": "install",
                "name": None,
                "doc": "the whole pipeline, through lock",
                "task_dep": [step.name for step in run.steps.values() if step.phase in ("install", *AFTER_INSTALL)],
            }

    return create


def _task(run: Run, step: Step, interrupted: Callable[[], NoReturn]) -> dict[str, Any]:
    def act() -> TaskFailed | None:
        try:
            error = run.act(step)
        except KeyboardInterrupt:
            interrupted()
        return None if error is None else TaskFailed(error.summary)

    def up_to_date() -> bool:
        try:
            return run.up_to_date(step)
        except KeyboardInterrupt:
            interrupted()

    basename, _, name = step.name.partition(":")
    return {
        "basename": basename,
        **({"name": name} if name else {}),
        "actions": [act],
        "task_dep": list(step.needs),
        "targets": [str(path) for path in step.outputs],
        "uptodate": [up_to_date],
        "doc": step.doc,
        "verbosity": 2,
        "io": {"capture": False},
    }


def _interrupt() -> NoReturn:
    raise KeyboardInterrupt


def _reporter(current: Callable[[], Run], complaints: list[str], finish: Callable[[], None]) -> type:
    """Make the class that doit reports to. What happens is told by events; this one begins and ends the run."""

    class Reporter:
        desc = "lockhouse's own"

        def __init__(self, outstream: object, options: Mapping[str, object]) -> None:
            pass

        def initialize(self, tasks: Mapping[str, Task], selected_tasks: list[str]) -> None:
            current().begin(frozenset(selected_tasks))

        def add_failure(self, task: Task, fail: BaseFail) -> None:
            complaints.append(fail.get_msg())

        def cleanup_error(self, exception: BaseFail) -> None:
            complaints.append(exception.get_msg())

        def runtime_error(self, msg: str) -> None:
            complaints.append(msg)

        def complete_run(self) -> None:
            finish()

        def ignore(self, task: Task) -> None:
            pass

        get_status = execute_task = add_success = skip_uptodate = skip_ignore = teardown_task = ignore

    return Reporter


# --- the front door of plain doit ------------------------------------------------------------------------------------


@cache
def _front_door() -> tuple[Run, Any]:
    """Open the project of the current directory as doit's command line and the environment say."""
    from lockhouse import terminal

    listener = terminal.listener(sys.stdout)
    try:
        variables = _variables()
        options = Options(
            offline=_truth(variables, "offline"),
            locked=_truth(variables, "locked"),
            selection=Selection(accelerator=variables.get("accelerator")),
        )
        context = open_context(Path.cwd(), variables.get("manifest"), options, listener)
        context.project.home.mkdir(parents=True, exist_ok=True)
        return Run(context), listener
    except LockhouseError as error:
        listener.close()
        terminal.show_error(error, sys.stderr)
        raise SystemExit(error.exit_status) from error


def _variables() -> dict[str, str]:
    # doit takes any name=value for a variable and keeps them to itself: a misspelt one would do nothing.
    given: dict[str, str] = dict(doit_cmd._CMDLINE_VARS or {})
    for name in given:
        if name not in VARIABLES:
            close = difflib.get_close_matches(name, VARIABLES, n=1)
            text = f"did you mean {close[0]}=?" if close else f"variables are: {', '.join(VARIABLES)}"
            raise UsageError(f"there is no variable {name!r}", hints=[Hint("variable-name", text)])
    return given


def _truth(variables: Mapping[str, str], name: str) -> bool:
    value = variables.get(name, "0")
    if value not in ("0", "1"):
        raise UsageError(f"{name}={value}: the value must be 0 or 1")
    return value == "1"


def _door() -> Run:
    return _front_door()[0]


def _leave() -> None:
    """Show what stopped the run and end with the exit status of the contract, which doit alone does not know."""
    run, listener = _front_door()
    run.close()
    listener.close()
    error = run.error
    if error is None and _complaints:
        error = InternalError("doit could not run the tasks", cause="\n".join(_complaints))
    if error is not None:
        from lockhouse import terminal

        terminal.show_error(error, sys.stderr, hints=run.context.plugins.hints(error))
        raise SystemExit(error.exit_status)


def _leave_interrupted() -> NoReturn:
    run, _ = _front_door()
    run.error = Interrupted("interrupted")
    _leave()
    raise AssertionError("an error always leaves")


_complaints: list[str] = []

DOIT_CONFIG = {
    "default_tasks": ["install"],
    "dep_file": ".lockhouse/doit.json",
    "backend": "json",
    "reporter": _reporter(_door, _complaints, _leave),
}

task_detect = _creator("detect", _door, _leave_interrupted)
task_plan = _creator("plan", _door, _leave_interrupted)
task_download = _creator("download", _door, _leave_interrupted)
task_scan = _creator("scan", _door, _leave_interrupted)
task_destroy = _creator("destroy", _door, _leave_interrupted)
task_create = _creator("create", _door, _leave_interrupted)
task_install = _creator("install", _door, _leave_interrupted)
task_purge = _creator("purge", _door, _leave_interrupted)
task_verify = _creator("verify", _door, _leave_interrupted)
task_lock = _creator("lock", _door, _leave_interrupted)
