"""The front door of plain doit: the project of the current directory, as doit's command line says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockhouse import interruption
from lockhouse.errors import InternalError, LockhouseError, UsageError
from lockhouse.events import Emit
from lockhouse.findings import ScanReport
from lockhouse.opening import open_context
from lockhouse.run import Run
from lockhouse.steps import Context
from lockhouse.tasks.commands import Asked, asked, refuse_nonsense
from lockhouse.tasks.graph import NO_DATABASE, creator, reporter
from lockhouse.tasks.variables import inquiry_of, options_of, variables
from lockhouse.terminal.session import explain, refuse, serve, untold
from lockhouse.terminal.streams import prepare, write
from lockhouse.values import dataclass

if TYPE_CHECKING:
    from lockhouse.terminal import Listener

__all__ = ["DOIT_CONFIG", "VERBS"]

Task = dict[str, Any]
Tasks = Iterator[Task]

VERBS = {
    "upgrade": "install anew without the lock's versions",
    "generations": "list the environments that are kept",
    "rollback": "go back to an environment that is kept, after verifying it",
    "diagnose": "say what requirements would do to a host, without installing them",
    "doctor": "tell the state of machine, plugins, manifest, environment and published copy",
    "plugins": "list the plugins and what became of each",
}
"""Verbs beside the pipeline: a task each, which does what the console command does."""

MANIFESTLESS = frozenset({"diagnose", "doctor", "plugins"})
"""Those that have something to say where there is no manifest, or a broken one."""


@dataclass(frozen=True, slots=True)
class _Door:
    """One process of doit: its run, who shows it, what doit itself complains of, and what to put back at the end."""

    run: Run
    shown: Listener
    complaints: list[str]
    ending: ExitStack


class _Output:
    """What doit's own commands write to: ``list`` and ``info`` may find that nobody reads, or that a disk is full."""

    def write(self, text: str) -> None:
        """Write to standard output, or end the process: doit would print a traceback."""
        try:
            write(sys.stdout, text)
        except OSError as caught:
            raise SystemExit(untold(caught)) from caught


@cache
def _front_door() -> _Door:
    """Open the project of the current directory as doit's command line and the environment say."""
    from lockhouse import terminal

    interruption.attend("leaving")
    interruption.have_guests()  # doit, and whatever stands in dodo.py
    prepare()
    wanted = asked()
    ending = ExitStack()
    # Only a run tells what happens; what other commands print is an answer.
    shown = terminal.listener(*((sys.stdout,) if wanted.command == "run" else (sys.stderr, True)))
    ending.callback(shown.close)
    try:
        given = variables()
        context = _context(wanted, given, shown)
        if context is not None:
            run = Run(context)
            targets = [str(path) for step in run.steps.values() for path in step.outputs]
            refuse_nonsense(wanted, _names(run), targets, REPORTER)
            wanted.speak(StringIO() if wanted.command == "clean" else _Output())
            return _Door(run, shown, [], ending)
    except Exception as caught:  # noqa: BLE001 - the boundary: doit would print a traceback and end with 3
        ending.close()
        error = explain(caught, debug=False)
        terminal.show_error(error, sys.stderr)
        raise SystemExit(error.exit_status) from error
    ending.close()
    for name in wanted.arguments:
        _serve(name)
    raise SystemExit(0)


def _context(wanted: Asked, given: Mapping[str, str], emit: Emit) -> Context | None:
    """Open the project; None where that fails and nothing but verbs that need no manifest was asked for."""
    options = options_of(given)
    try:
        return open_context(Path.cwd(), given.get("manifest"), options, emit)
    except LockhouseError:
        if wanted.command == "run" and wanted.arguments and MANIFESTLESS.issuperset(wanted.arguments):
            return None
        raise


def _names(run: Run) -> tuple[str, ...]:
    """Names of all tasks, in the order of the pipeline; stages stand beside their group."""
    names = (name for step in run.steps.values() for name in (step.name.partition(":")[0], step.name))
    return tuple(dict.fromkeys((*names, "install", *VERBS)))


def _run() -> Run:
    return _front_door().run


def _complain(text: str) -> None:
    _front_door().complaints.append(text)


def _leave() -> None:
    """Show how the run ended, and end with the exit status of the contract, which doit alone does not know."""
    door = _front_door()
    run = door.run
    run.close()
    run.context.plugins.close()
    door.ending.close()
    error, ended = run.error, sys.exception()
    if error is None and isinstance(ended, SystemExit) and isinstance(ended.code, int):
        interruption.conclude(ended.code)  # a verb beside the pipeline, which told why
    if error is None and ended is not None:
        error = explain(ended, debug=False)
    if error is None and door.complaints:
        error = InternalError("doit could not run the tasks", cause="\n".join(door.complaints))
    if error is not None:
        from lockhouse import terminal

        terminal.show_error(error, sys.stderr, hints=run.context.plugins.hints(error))
        interruption.conclude(error.exit_status)
    try:
        _answer(run)
    except OSError as caught:
        interruption.conclude(untold(caught))
    interruption.conclude(0)


def _answer(run: Run) -> None:
    from lockhouse.terminal.answers import conclusion, scan_lines
    from lockhouse.terminal.device import width_of
    from lockhouse.terminal.paint import paint

    if run.requested & {"install", "verify", "lock"}:
        write(sys.stdout, f"{conclusion(run.context)}\n")
    elif "scan" in run.requested and (report := run.context.state.read(ScanReport)) is not None:
        paint(scan_lines(report, width_of(sys.stdout)), sys.stdout)


def _verb(name: str) -> Task:
    return {
        "actions": [lambda: _serve_aside(name)],
        "doc": VERBS[name],
        "uptodate": [False],
        "verbosity": 2,
        "io": {"capture": False},
    }


def _serve_aside(name: str) -> None:
    with _run().stood_aside():  # both want the project for themselves
        _serve(name)


def _serve(name: str, *, dry_run: bool = False) -> None:
    from lockhouse.terminal.request import Request

    given = variables()
    try:
        options = replace(options_of(given), upgrade=() if name == "upgrade" else None)
        inquiry = inquiry_of(given) if name == "diagnose" else None
    except UsageError as error:
        raise SystemExit(refuse(error, verb=name, json=False)) from error
    number = given.get("generation")
    status = serve(
        Request(
            verb=name,
            manifest=given.get("manifest"),
            options=options,
            number=int(number) if number else None,
            dry_run=dry_run,
            inquiry=inquiry,
        )
    )
    if status:
        raise SystemExit(status)


def _with_clean(create: Callable[[], Iterator[dict[str, Any]]]) -> Callable[[], Iterator[dict[str, Any]]]:
    """Give the group what ``doit clean`` does: the name is a command of doit's own, which asks the default task."""

    def create_with_clean() -> Iterator[dict[str, Any]]:
        for task in create():
            yield {**task, "clean": [_clean]} if task.get("name", "") is None else task

    return create_with_clean


def _clean(dryrun: bool) -> None:
    with redirect_stdout(sys.__stdout__), redirect_stderr(sys.__stderr__):  # doit has put others in their places
        _serve("clean", dry_run=dryrun)


REPORTER = reporter(_run, _complain, _leave)

DOIT_CONFIG = {**NO_DATABASE, "default_tasks": ["install"], "sort": "definition", "reporter": REPORTER}

# A function each, in the order of the pipeline: doit lists tasks in the order in which their creators are written down.


def task_detect() -> Tasks:
    """Find out what is here."""
    return creator("detect", _run)()


def task_plan() -> Tasks:
    """Decide on the exact wheels."""
    return creator("plan", _run)()


def task_download() -> Tasks:
    """Bring the wheels."""
    return creator("download", _run)()


def task_scan() -> Tasks:
    """Inspect every wheel."""
    return creator("scan", _run)()


def task_destroy() -> Tasks:
    """Make a clean slate."""
    return creator("destroy", _run)()


def task_create() -> Tasks:
    """Begin an environment."""
    return creator("create", _run)()


def task_install() -> Tasks:
    """Install stage by stage; the group is the whole pipeline."""
    return _with_clean(creator("install", _run))()


def task_purge() -> Tasks:
    """Remove bytecode and seal."""
    return creator("purge", _run)()


def task_verify() -> Tasks:
    """Prove the environment."""
    return creator("verify", _run)()


def task_lock() -> Tasks:
    """Write the lock and switch."""
    return creator("lock", _run)()


def task_upgrade() -> Task:
    """Install anew without the lock's versions."""
    return _verb("upgrade")


def task_generations() -> Task:
    """List the environments that are kept."""
    return _verb("generations")


def task_rollback() -> Task:
    """Go back to an environment that is kept."""
    return _verb("rollback")


def task_diagnose() -> Task:
    """Say what requirements would do to a host."""
    return _verb("diagnose")


def task_doctor() -> Task:
    """Look at the state of everything."""
    return _verb("doctor")


def task_plugins() -> Task:
    """List the plugins."""
    return _verb("plugins")
