"""What doit's own commands and options mean here. Those that mean nothing are refused before anything is done.

doit can be told to skip tasks, to run them alone or all at once, and to take its own word for what is up to date. Here
every step works on what the one before it has left, and what is up to date follows from what is on disk.
"""

from __future__ import annotations

import difflib
import fnmatch
import sys
from collections.abc import Collection, Mapping
from typing import Any

from doit.cmd_base import Command, DoitCmdBase
from doit.cmd_run import Run
from doit.cmdparse import CmdParseError

from lockhouse.errors import Hint, UsageError
from lockhouse.values import dataclass

__all__ = ["Asked", "DumpDatabase", "RunTasks", "TraceTask", "asked", "refuse_nonsense"]

REMEMBERED = "what is up to date follows from what is on disk; nothing is remembered"

MEANINGLESS = {
    "ignore": ("no task can be ignored", "a step that was skipped would pass for one that was done"),
    "forget": ("there is nothing to forget", REMEMBERED),
    "reset-dep": ("there is nothing to reset", REMEMBERED),
    "strace": ("there is no command to trace", "tasks are steps of lockhouse, no commands"),
    "dumpdb": ("there is no database", REMEMBERED),
}
"""Commands of doit that make no sense: what is said of each, and why."""

ALONE = ("upgrade", "rollback")
"""Verbs beside the pipeline that put another environment into use."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What doit was asked for: its command, the command's arguments and its options."""

    command: str
    arguments: tuple[str, ...]
    options: Mapping[str, Any]
    doit: DoitCmdBase | None = None

    def speak(self, stream: object) -> None:
        """Have doit say what it has to say to ``stream``: of what it cleans, it names the Python functions."""
        if self.doit is not None:
            self.doit.outstream = stream


def asked() -> Asked:
    """Find out for which command doit creates tasks. It does not tell, but it is what called."""
    frame = sys._getframe(1)
    while frame is not None:
        found = frame.f_locals
        if isinstance(command := found.get("self"), DoitCmdBase) and {"params", "args"} <= set(found):
            return Asked(command.get_name(), tuple(found["args"]), found["params"], command)
        frame = frame.f_back  # type: ignore[assignment]
    return Asked("run", (), {})


def refuse_nonsense(asked: Asked, tasks: Collection[str], targets: Collection[str], reporter: type) -> None:
    """Raise UsageError for what doit would do wrong, or complain of with a status that means something else here."""
    if asked.command in MEANINGLESS:
        raise _meaningless(asked.command)
    if asked.command == "run":
        _refuse_options(asked.options, reporter)
        _refuse_unknown(asked.arguments, tasks, targets)
        _refuse_together(asked.arguments)
    elif asked.command in ("list", "info"):
        _refuse_unknown(asked.arguments, tasks, ())
        if asked.command == "info" and len(asked.arguments) != 1:
            raise UsageError("info tells of one task", hints=[Hint("task-names", f"tasks are: {', '.join(tasks)}")])
    elif asked.command == "clean" and set(asked.arguments) - {"install"}:
        hint = Hint("clean-all", "doit clean frees what is no longer needed; doit clean -n says what that is")
        raise UsageError(f"{asked.arguments[0]} cannot be cleaned by itself", hints=[hint])


def _meaningless(command: str) -> UsageError:
    summary, cause = MEANINGLESS[command]
    hint = Hint("see-help", "see docs/commands.md: to leave a stage out there is lockhouse --without STAGE")
    return UsageError(summary, cause=cause, hints=[hint] if command == "ignore" else ())


def _refuse_options(options: Mapping[str, Any], reporter: type) -> None:
    if options.get("num_process"):
        raise UsageError(
            "doit cannot run these tasks side by side",
            cause="each works on what the one before it has left",
            hints=[Hint("no-processes", "leave -n out: what can be done side by side, a task does by itself")],
        )
    if options.get("single"):
        raise UsageError(
            "doit cannot run a task without those that it needs",
            cause="each works on what the one before it has left",
            hints=[Hint("no-single", "leave -s out: what is up to date is not done again")],
        )
    if options.get("reporter") is not reporter:
        raise UsageError(
            "doit cannot report these tasks in another way",
            hints=[Hint("no-reporter", "leave -r out; lockhouse --json tells programs what happened")],
        )


def _refuse_unknown(arguments: tuple[str, ...], tasks: Collection[str], targets: Collection[str]) -> None:
    for name in arguments:
        if name.startswith("-"):
            variables = Hint("variables", "what holds for a run is given as name=value, like offline=1 or deep=1")
            raise UsageError(f"tasks take no options, and {name} is one", hints=[variables])
        if name in targets or name in tasks or ("*" in name and fnmatch.filter(tasks, name)):
            continue
        close = difflib.get_close_matches(name, tasks, n=1)
        text = f"did you mean {close[0]}?" if close else f"tasks are: {', '.join(tasks)}"
        raise UsageError(f"there is no task {name!r}", hints=[Hint("did-you-mean" if close else "task-names", text)])


def _refuse_together(arguments: tuple[str, ...]) -> None:
    """Refuse verbs that put another environment into use beside tasks, some of which would work on the one before."""
    for name in ALONE:
        others = [given for given in arguments if given != name]
        if others and (name in arguments or any(fnmatch.fnmatchcase(name, given) for given in others)):
            raise UsageError(
                f"{name} cannot be run together with other tasks",
                cause="it puts another environment into use, and they work on the one that is there",
                hints=[Hint("one-by-one", f"run doit {name} by itself, and the others before or after it")],
            )


class RunTasks(Run):  # type: ignore[misc]  # doit has no types
    """doit's ``run``, for ``[tool.doit.plugins.command]``: what it cannot read has the status of the contract."""

    name = "run"

    def parse_execute(self, in_args: list[str]) -> int:
        """Judge the options before any dodo.py is read, then do as doit does."""
        try:
            self.cmdparser.parse(in_args)
        except CmdParseError as error:
            told = str(error).partition(" (parsing options")[0]  # what follows is all that it knows, in Python
            return _tell(UsageError(told, hints=[Hint("help", "see doit help run")]))
        status: int = super().parse_execute(in_args)
        return status


class _Meaningless(Command):  # type: ignore[misc]  # doit has no types
    """A command of doit that fails before it reads a dodo.py, for ``[tool.doit.plugins.command]``."""

    doc_purpose = "has no meaning here"

    def parse_execute(self, in_args: list[str]) -> int:
        """Say why it means nothing."""
        return _tell(_meaningless(self.get_name()))


class DumpDatabase(_Meaningless):
    """``doit dumpdb``."""

    name = "dumpdb"


class TraceTask(_Meaningless):
    """``doit strace``."""

    name = "strace"


def _tell(error: UsageError) -> int:
    from lockhouse.terminal import show_error

    show_error(error, sys.stderr)
    return error.exit_status
