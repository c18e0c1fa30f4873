"""Asking the machine: questions of accelerators, each in a process of its own with a time limit.

Nothing here raises and nothing here waits longer than the longest limit: a driver that hangs costs its own question's
limit, once, and every answer or failure goes into the ledger.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import IO

from lockhouse import filereader
from lockhouse.accelerators import Question
from lockhouse.awaiting import ended_within
from lockhouse.host import Probe
from lockhouse.surroundings import probe_environment

__all__ = ["LONGEST_ANSWER", "ask", "run_limited"]

LONGEST_ANSWER = 256 * 1024
"""Bytes of an answer that are kept."""

LONGEST_TIMEOUT = 60.0
"""Seconds that any question may take, whatever its plugin says."""


GLANCE = 0.2
"""Seconds between two looks at whether somebody wants to stop."""


def ask(namespace: str, questions: Sequence[Question], stop: Event | None = None) -> tuple[Probe, ...]:
    """Ask all questions at once; the probes come in the order of the questions.

    Once ``stop`` is set, what has not answered is given up on.
    """
    if not questions:
        return ()
    with ThreadPoolExecutor(max_workers=min(len(questions), 16), thread_name_prefix="probe") as pool:
        return tuple(pool.map(lambda question: _probe(namespace, question, stop), questions))


def _probe(namespace: str, question: Question, stop: Event | None) -> Probe:
    started = time.monotonic()
    answer: str | None = None
    error: str | None = None
    try:
        answer = _answer(question, stop)
    except _NoAnswer as problem:
        error = str(problem)
    except Exception as problem:  # noqa: BLE001  whatever a question is made of, it costs no more than itself
        error = f"{type(problem).__name__}: {problem}"
    name = f"{namespace}:{question.name}"
    return Probe(name=name, answer=answer, seconds=round(time.monotonic() - started, 4), error=error)


class _NoAnswer(Exception):
    """Why there is no answer."""


def _answer(question: Question, stop: Event | None) -> str:
    timeout = min(max(question.timeout, 0.01), LONGEST_TIMEOUT)
    environ = probe_environment(os.environ, question.variables)
    status, output, complaint = run_limited(_argv(question), timeout, environ, stop)
    if status is None and stop is not None and stop.is_set():
        raise _NoAnswer("interrupted")
    if status is None:
        raise _NoAnswer(f"no answer within {timeout:g} s; stopped")
    if status != 0:
        lines = (complaint.strip() or output.strip()).splitlines()
        if question.kind == "file" and status == filereader.UNREADABLE and lines:
            raise _NoAnswer(lines[-1][:500])
        ended = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        raise _NoAnswer(f"{ended}: {lines[-1][:500]}" if lines else ended)
    return output


def _argv(question: Question) -> list[str]:
    # -I and -S: nothing of the user's, no site-packages; the standard library alone starts in 10 ms.
    bare = [sys.executable, "-I", "-S"]
    match question.kind:
        case "command":
            return [*question.ask]
        case "python":
            return [*bare, "-c", *question.ask]
        case "file" | "files":
            return [*bare, str(Path(filereader.__file__)), question.kind, str(LONGEST_ANSWER), *question.ask]


def run_limited(
    argv: Sequence[str], timeout: float, environ: Mapping[str, str], stop: Event | None = None
) -> tuple[int | None, str, str]:
    """Run a program to its end or its time limit (status None); return status and the beginnings of both outputs.

    Once ``stop`` is set its time is over.

    Output goes to files, not pipes: a grandchild that outlives the program holds a pipe open, and whoever reads it
    waits for that. The whole process group is killed at the limit. Raises OSError when the program cannot be started.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaint:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=complaint,
            env=dict(environ),
            cwd=Path(sys.executable).anchor or os.sep,
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        try:
            status = _end_of(process, timeout, stop)
        finally:
            _kill_group(process)
        return status, _beginning(output), _beginning(complaint)


def _end_of(process: subprocess.Popen[bytes], timeout: float, stop: Event | None) -> int | None:
    deadline = time.monotonic() + timeout
    while stop is None or not stop.is_set():
        left = max(0.0, deadline - time.monotonic())
        status = ended_within(process, left if stop is None else min(left, GLANCE))
        if status is not None:
            return status
        if time.monotonic() >= deadline:
            break
    return None


def _beginning(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(LONGEST_ANSWER).decode("utf-8", "replace").replace("\0", "")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started; a process in uninterruptible sleep (a hung driver) is left to the system."""
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        elif process.poll() is None:
            process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.5)
