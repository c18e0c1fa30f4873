"""Which candidate, or which combination, breaks which check: found by trying, in as few trials as that takes.

Each candidate alone, all at once as far as memory allows. Those that break nothing alone are then tried together; for
every check that fails only then, whoever it does not need is left out. What remains without the culprits is tried
together again, until nothing breaks: so what is called harmless was proven to be, alone and together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lockhouse.diagnosis.bench import Bench
from lockhouse.diagnosis.results import Bisection, Culprit, Trial
from lockhouse.diagnosis.trials import Trials
from lockhouse.diagnosis.trying import host_checks
from lockhouse.events import Message

__all__ = ["bisect"]

Combination = tuple[str, ...]
Attempt = Callable[[list[Combination]], list[Trial]]


def bisect(bench: Bench, candidates: Sequence[str]) -> Bisection:
    """Try requirements on a bench and say which of them break what; the host itself stays as it is."""
    checks = host_checks(bench)
    with Trials(bench) as trials:
        baseline = trials.baseline(checks)
        for result in baseline.failed:
            text = f"check {result.name} fails on the host as it is, and says nothing about candidates: {result.output}"
            bench.context.emit(Message(level="warning", text=text))
        sound = [check for check in checks if not baseline.broke(check.name)]

        def attempt(combinations: list[Combination]) -> list[Trial]:
            return trials.attempt(combinations, sound)

        alone = attempt([(line,) for line in candidates])
        culprits = [culprit for trial in alone for culprit in _blamed(trial)]
        innocent = tuple(trial.candidates[0] for trial in alone if not _blamed(trial))
        culprits += _together(innocent, attempt)
    order = {line: place for place, line in enumerate(candidates)}
    return Bisection(
        host=bench.inventory.digest,
        protected=bench.protected,
        baseline=baseline,
        trials=tuple(sorted(trials.done.values(), key=lambda trial: _place(trial, order))),
        culprits=tuple(culprits),
    )


def _together(remaining: Combination, attempt: Attempt) -> list[Culprit]:
    """Find the combinations that break something, of candidates that break nothing alone."""
    culprits: list[Culprit] = []
    while len(remaining) > 1:
        (together,) = attempt([remaining])
        guilty: set[str] = set()
        for culprit in _blamed(together):
            smallest = _smallest(remaining, culprit.check, attempt)
            output = next(item.output for item in _blamed(*attempt([smallest])) if item.check == culprit.check)
            culprits.append(Culprit(check=culprit.check, candidates=smallest, output=output))
            guilty |= set(smallest)
        if not guilty:
            break
        remaining = tuple(line for line in remaining if line not in guilty)
    return culprits


def _blamed(trial: Trial) -> list[Culprit]:
    """What candidates that were tried together are to blame for."""
    if trial.error is not None:
        return [Culprit(check="", candidates=trial.candidates, output=trial.error)]
    return [Culprit(check=item.name, candidates=trial.candidates, output=item.output) for item in trial.failed]


def _smallest(candidates: Combination, check: str, attempt: Attempt) -> Combination:
    """Leave out whom the failure does not need: of what remains none can be left out."""

    def breaks(trial: Trial) -> bool:
        return any(item.check == check for item in _blamed(trial))

    # Side by side: without whom does it not fail? Those are needed, and mostly they are enough.
    others = attempt([_without(candidates, line) for line in candidates])
    needed = tuple(line for line, trial in zip(candidates, others, strict=True) if not breaks(trial))
    if needed and breaks(*attempt([needed])):
        return needed
    # Several combinations fail, each without the other: one of them is left when no more can be left out.
    remaining = candidates
    for line in candidates:
        fewer = _without(remaining, line)
        if fewer and breaks(*attempt([fewer])):
            remaining = fewer
    return remaining


def _without(candidates: Combination, line: str) -> Combination:
    return tuple(item for item in candidates if item != line)


def _place(trial: Trial, order: dict[str, int]) -> tuple[int, list[int]]:
    """Single candidates come first, then combinations, the large before the small."""
    count = len(trial.candidates)
    return (0 if count == 1 else 1 - count + len(order), [order[line] for line in trial.candidates])
