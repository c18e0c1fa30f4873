"""Running a command and taking its time and its memory, and doing so with several in turn."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Command", "CommandFailed", "Contender", "Sample", "measure", "take_turns"]

TIMEOUT = 1800.0
"""Seconds after which a command is ended: nothing that is measured here takes minutes, unless it hangs."""

TAIL = 2000
"""Characters of a failed command's output that are shown."""


class CommandFailed(Exception):
    """A command that was to be measured did not work, so that its time means nothing."""

    def __init__(self, argv: Sequence[str], status: int, output: str) -> None:
        super().__init__(f"{' '.join(argv)} ended with status {status}:\n{output[-TAIL:]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is run. ``phases`` reads seconds by name from its standard output; without it the whole is one phase."""

    name: str
    argv: tuple[str, ...]
    phases: Callable[[str], Mapping[str, float]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way to do a piece of work: ``prepare`` is not timed, the commands are, one after the other."""

    name: str
    commands: tuple[Command, ...]
    environment: Mapping[str, str]
    folder: Path
    prepare: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run of the commands and all processes that they waited for.

    ``cpu`` is the seconds that cores worked for them, ``peak`` the most bytes that one of the processes held.
    """

    seconds: float
    cpu: float
    peak: int
    phases: Mapping[str, float] = field(default_factory=dict)


def measure(contender: Contender) -> Sample:
    """Prepare and run a contender; raise CommandFailed when one of its commands does not succeed.

    What was written before is on the disk when the time begins, so that nobody pays for another's work.
    """
    contender.prepare()
    os.sync()
    seconds, cpu, peak = 0.0, 0.0, 0
    phases: dict[str, float] = {}
    for command in contender.commands:
        taken, usage, output = _run(command.argv, contender.environment, contender.folder)
        seconds += taken
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss * 1024)
        phases |= command.phases(output) if command.phases else {command.name: taken}
    return Sample(seconds=seconds, cpu=cpu, peak=peak, phases=phases)


def take_turns(contenders: Sequence[Contender], rounds: int) -> Iterator[tuple[int, str, Sample]]:
    """Measure A B C A B C …, giving round, name and sample; round 0 warms caches and comes on top of ``rounds``.

    Turns make what else the machine does hit everybody alike.
    """
    for number in range(rounds + 1):
        for contender in contenders:
            yield number, contender.name, measure(contender)


def _run(
    argv: Sequence[str], environment: Mapping[str, str], folder: Path
) -> tuple[float, resource.struct_rusage, str]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        watch = threading.Timer(TIMEOUT, process.kill)
        watch.start()
        try:
            # not process.wait(): only this says what the process and its children held
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        finally:
            watch.cancel()
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        output = out.read().decode(errors="replace")
        if process.returncode:
            err.seek(0)
            raise CommandFailed(argv, process.returncode, output + err.read().decode(errors="replace"))
    return seconds, usage, output
