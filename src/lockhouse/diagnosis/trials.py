"""The trials of one bisection: planned and fetched one after the other, then run side by side in copies of the host.

Nothing is tried twice. Whatever ends a bisection, Ctrl-C too, ends what runs in the copies, and the copies are gone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from types import TracebackType
from typing import Self

from lockhouse.diagnosis.bench import STEP, Bench
from lockhouse.diagnosis.results import Trial
from lockhouse.diagnosis.trying import prepare, run_trial
from lockhouse.events import Progress
from lockhouse.host import Host
from lockhouse.manifest import Check
from lockhouse.verification.running import Interpreter, bytecode_folder

__all__ = ["Trials"]

MEMORY = 3 << 30
"""Bytes that one trial may need: importing a torch with its accelerator takes two to three gigabytes."""


class Trials:
    """Tries candidates on a bench; a context manager, at whose end nothing runs and no copy is left."""

    def __init__(self, bench: Bench) -> None:
        self.done: dict[tuple[str, ...], Trial] = {}
        self._bench = bench
        place = bench.context.project.temporary
        self._bytecode = bytecode_folder(place)
        self._pool = ThreadPoolExecutor(_at_once(bench))
        self._running = _Running(self._bytecode, place)
        self._begun = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._running.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def baseline(self, checks: Sequence[Check]) -> Trial:
        """Run checks in a copy of the host as it is. First of all: later trials find its modules compiled."""
        return self._pool.submit(run_trial, self._bench, (), None, checks, self._running.interpreter).result()

    def attempt(self, combinations: Iterable[tuple[str, ...]], checks: Sequence[Check]) -> list[Trial]:
        """Try several combinations at once; trials are in their order.

        Network and planning stay in this thread, where a request to end is heeded at once.
        """
        wanted = list(combinations)
        pending: dict[Future[Trial], tuple[str, ...]] = {}
        for chosen in dict.fromkeys(wanted):
            if chosen in self.done:
                continue
            self._begun += 1
            self._tell()
            plan = prepare(self._bench, chosen)
            if isinstance(plan, Trial):
                self._keep(chosen, plan)
            else:
                made = self._pool.submit(run_trial, self._bench, chosen, plan, checks, self._running.interpreter)
                pending[made] = chosen
        for future in as_completed(pending):
            self._keep(pending[future], future.result())
        return [self.done[chosen] for chosen in wanted]

    def _keep(self, chosen: tuple[str, ...], trial: Trial) -> None:
        self.done[chosen] = trial
        self._tell()

    def _tell(self) -> None:
        progress = Progress(step=STEP, item="trials", done=len(self.done), total=self._begun, unit="checks")
        self._bench.context.emit(progress)


class _Running:
    """The interpreters of copies, so that all of them can be stopped at once."""

    def __init__(self, bytecode: Path, notes: Path) -> None:
        self._bytecode = bytecode
        self._notes = notes
        self._lock = threading.Lock()
        self._interpreters: list[Interpreter] = []
        self._stopped = False

    def interpreter(self, python: Path) -> Interpreter:
        """Make the interpreter of a copy; one that comes too late runs nothing."""
        made = Interpreter(python, self._bytecode, notes=self._notes)
        with self._lock:
            self._interpreters.append(made)
            if self._stopped:
                made.stop()
        return made

    def stop(self) -> None:
        """End everything that runs in the copies, and let nothing new run."""
        with self._lock:
            self._stopped = True
            for interpreter in self._interpreters:
                interpreter.stop()


def _at_once(bench: Bench) -> int:
    host = bench.context.state.read(Host)
    if host is None:
        return 1
    return max(1, min(host.readings.cpus, host.readings.memory_available // MEMORY))
