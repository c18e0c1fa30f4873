"""Which candidate, or which combination, breaks which check: found by trying, in as few trials as that takes.

Each candidate alone, all at once as far as memory allows. Those that break nothing alone are then tried together; for
every check that fails only then, candidates are left out one by one as long as it still fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from lockhouse.diagnosis.bench import STEP, Bench
from lockhouse.diagnosis.results import Bisection, Culprit, Trial
from lockhouse.diagnosis.trying import host_checks, run_trial
from lockhouse.events import Message, Progress
from lockhouse.host import Host
from lockhouse.verification.running import bytecode_folder

__all__ = ["bisect"]

MEMORY = 3 << 30
"""Bytes that one trial may need: importing a torch with its accelerator takes two to three gigabytes."""

Try = Callable[[tuple[str, ...]], Trial]


def bisect(bench: Bench, candidates: Sequence[str]) -> Bisection:
    """Try requirements on a bench and say which of them break what; the host itself stays as it is."""
    checks = host_checks(bench)
    bytecode = bytecode_folder(bench.context.project.temporary)
    baseline = run_trial(bench, (), checks, bytecode)
    for result in baseline.failed:
        text = f"check {result.name} fails on the host as it is, and says nothing about candidates: {result.output}"
        bench.context.emit(Message(level="warning", text=text))
    sound = [check for check in checks if not baseline.broke(check.name)]
    trials: dict[tuple[str, ...], Trial] = {}

    def attempt(chosen: tuple[str, ...]) -> Trial:
        if chosen not in trials:
            trials[chosen] = run_trial(bench, chosen, sound, bytecode)
        return trials[chosen]

    alone = _each_alone(bench, candidates, attempt)
    culprits = [culprit for trial in alone for culprit in _blamed(trial)]
    innocent = tuple(trial.candidates[0] for trial in alone if trial.error is None and not trial.failed)
    if len(innocent) > 1:
        together = attempt(innocent)
        for culprit in _blamed(together):
            smallest = _smallest(innocent, culprit.check, attempt)
            said = next(item for item in _blamed(attempt(smallest)) if item.check == culprit.check)
            culprits.append(Culprit(check=culprit.check, candidates=smallest, output=said.output))
    order = {line: place for place, line in enumerate(candidates)}
    return Bisection(
        host=bench.inventory.digest,
        protected=bench.protected,
        baseline=baseline,
        trials=tuple(sorted(trials.values(), key=lambda trial: _place(trial, order))),
        culprits=tuple(culprits),
    )


def _each_alone(bench: Bench, candidates: Sequence[str], attempt: Try) -> list[Trial]:
    done = 0
    total = len(candidates)

    def one(line: str) -> Trial:
        nonlocal done
        trial = attempt((line,))
        done += 1
        bench.context.emit(Progress(step=STEP, item="trials", done=done, total=total, unit="checks"))
        return trial

    with ThreadPoolExecutor(_at_once(bench)) as pool:
        return list(pool.map(one, candidates))


def _at_once(bench: Bench) -> int:
    host = bench.context.state.read(Host)
    if host is None:
        return 1
    return max(1, min(host.readings.cpus, host.readings.memory_available // MEMORY))


def _blamed(trial: Trial) -> list[Culprit]:
    """What candidates that were tried together are to blame for."""
    if trial.error is not None:
        return [Culprit(check="", candidates=trial.candidates, output=trial.error)]
    return [Culprit(check=item.name, candidates=trial.candidates, output=item.output) for item in trial.failed]


def _smallest(candidates: tuple[str, ...], check: str, attempt: Try) -> tuple[str, ...]:
    """Leave out whom the failure does not need: of what remains none can be left out."""
    remaining = candidates
    for line in candidates:
        fewer = tuple(item for item in remaining if item != line)
        if fewer and any(item.check == check for item in _blamed(attempt(fewer))):
            remaining = fewer
    return remaining


def _place(trial: Trial, order: dict[str, int]) -> tuple[int, list[int]]:
    """Single candidates come first, then combinations, the large before the small."""
    count = len(trial.candidates)
    return (0 if count == 1 else 1 - count + len(order), [order[line] for line in trial.candidates])
