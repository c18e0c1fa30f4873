"""What trials make of verdicts: what broke there is proven, whatever the wheels let hope."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lockhouse.diagnosis.results import GRAVITY, ORDER, Bisection, Culprit, Evidence, Verdict

__all__ = ["concluded", "gist"]


def concluded(verdicts: Sequence[Verdict], found: Bisection) -> tuple[Verdict, ...]:
    """Add to each verdict what trials have shown; it becomes as grave as that."""
    return tuple(_concluded(verdict, found) for verdict in verdicts)


def gist(output: str) -> str:
    """Say in a line what a check said: an exception stands at the end of its traceback."""
    lines = [line.strip() for line in output.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _concluded(verdict: Verdict, found: Bisection) -> Verdict:
    mine = [item for item in found.culprits if verdict.requirement in item.candidates]
    shown = [said for culprit in mine for said in _shown(verdict, culprit)]
    if not shown:
        return verdict
    evidence = tuple(sorted((*verdict.evidence, *shown), key=lambda item: ORDER.index(item.weight)))
    grave = GRAVITY[evidence[0].weight]
    reason = verdict.reason if grave == verdict.verdict else evidence[0].text
    return replace(verdict, verdict=grave, reason=reason, evidence=evidence)


def _shown(verdict: Verdict, culprit: Culprit) -> Iterator[Evidence]:
    others = [line for line in culprit.candidates if line != verdict.requirement]
    together = f" together with {' and '.join(others)}" if others else ""
    if culprit.check:
        text = f"tried{together}, it breaks {culprit.check}: {gist(culprit.output)}"
        yield Evidence(
            code="trial.together" if others else "trial.breaks", weight="risky" if others else "unsafe", text=text
        )
    elif verdict.judged:  # else that is what the verdict says
        text = f"it cannot be installed{together}: {culprit.output.partition(chr(10))[0]}"
        yield Evidence(code="trial.not-installed", weight="risky", text=text)
