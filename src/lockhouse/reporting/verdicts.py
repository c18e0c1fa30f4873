"""A picture of a diagnosis: each requirement with its verdict and why, and what the trials showed of each check.

Plain SVG; signs say the same as colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from lockhouse.diagnosis.results import Bisection, Diagnosis, Judgement, Trial, Verdict
from lockhouse.reporting.strokes import STYLE, lettering, safe, short, width_of

__all__ = ["verdict_picture"]

ROW, BOX, MARGIN = 36, 26, 24
KIND: dict[Judgement, str] = {"UNSAFE": "bad", "RISKY": "odd", "SAFE": "way"}
SIGN: dict[Judgement, str] = {"UNSAFE": "✗", "RISKY": "!", "SAFE": "✓"}
REASON = 110
"""Characters in a line beside a verdict; there are two, and all of it shows when the pointer rests on it."""

BOLD = 1.08
"""How much wider letters are that stand out."""


def verdict_picture(diagnosis: Diagnosis) -> str:
    """Draw a diagnosis."""
    parts = [lettering(MARGIN, MARGIN + 18, f"{diagnosis.prefix}, Python {diagnosis.python}", "title")]
    kept = ", ".join(f"{item.name} {item.version}" for item in diagnosis.protected) or "nothing"
    parts.append(lettering(MARGIN, MARGIN + 38, f"protected: {kept}", "small"))
    y = MARGIN + 64.0
    name = BOLD * max((width_of(short(item.requirement)) for item in diagnosis.verdicts), default=0) + 30
    width = MARGIN + name + 100 + REASON * 7.6
    for item in diagnosis.verdicts:
        kind = KIND[item.verdict]
        parts.append(_box(MARGIN, y, name, kind))
        parts.append(lettering(MARGIN + 10, y + 18, short(item.requirement), f"{kind}-text"))
        verdict = f"{SIGN[item.verdict]} {item.verdict}"
        parts.append(lettering(MARGIN + name + 14, y + 18, verdict, f"{kind}-text"))
        lines = _beside(item)
        top = y + (18 if len(lines) == 1 else 11)
        beside = "".join(lettering(MARGIN + name + 100, top + 14 * i, line, "small") for i, line in enumerate(lines))
        parts.append(f"<g><title>{safe(item.reason)}</title>{beside}</g>")
        y += ROW
    if diagnosis.bisection is not None:
        drawn, wide, y = _trials(diagnosis.bisection, y + 28)
        parts += drawn
        width = max(width, wide)
    height = y + MARGIN
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
    body = "\n".join(parts)
    return (
        f'{head} role="img">\n<style>{STYLE}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _beside(item: Verdict) -> list[str]:
    """Give the two lines beside a verdict: why, and the way that leads there, or else the rest of it."""
    lines = wrap(item.reason.splitlines()[0], REASON)
    ways = [said.requirements for said in item.evidence if said.text == item.reason and len(said.requirements) > 1]
    if ways:
        return [short(" ".join(lines), REASON), short(" → ".join(ways[0]), REASON)]
    return lines[:1] if len(lines) == 1 else [lines[0], short(" ".join(lines[1:]), REASON)]


def _trials(found: Bisection, y: float) -> tuple[list[str], float, float]:
    """Draw a table of trials by checks."""
    trials = [found.baseline, *found.trials]
    checks = list(dict.fromkeys(check.name for trial in trials for check in trial.checks))
    left = MARGIN + BOLD * max(width_of(short(_name(trial))) for trial in trials) + 20
    columns = [max(width_of(short(check, 28)), 40) + 16 for check in checks]
    parts = [lettering(MARGIN, y, "trials", "head")]
    y += 20
    x = left
    for check, wide in zip(checks, columns, strict=True):
        parts.append(f"<g><title>{safe(check)}</title>{lettering(x, y, short(check, 28), 'small')}</g>")
        x += wide
    y += 8
    for trial in trials:
        name = lettering(MARGIN, y + 18, short(_name(trial)), "way-text")
        parts.append(f"<g><title>{safe(_name(trial))}</title>{name}</g>")
        parts += _row(trial, checks, columns, left, y)
        y += ROW
    return parts, left + sum(columns) + MARGIN, y


def _row(trial: Trial, checks: Sequence[str], columns: Sequence[float], left: float, y: float) -> Iterator[str]:
    if trial.error is not None:
        text = lettering(left, y + 18, f"✗ {short(trial.error.splitlines()[0], 90)}", "bad-text")
        yield f"<g><title>{safe(trial.error)}</title>{text}</g>"
        return
    results = {check.name: check for check in trial.checks}
    x = left
    for check, wide in zip(checks, columns, strict=True):
        result = results.get(check)
        if result is not None:
            kind, sign = {"passed": ("way", "✓"), "failed": ("bad", "✗"), "skipped": ("odd", "?")}[result.outcome]
            told = f"<title>{safe(f'{check}: {result.outcome} {result.output}')}</title>"
            yield f"<g>{told}{_box(x, y, wide - 16, kind)}{lettering(x + 8, y + 18, sign, f'{kind}-text')}</g>"
        x += wide


def _name(trial: Trial) -> str:
    return " + ".join(trial.candidates) or "the host as it is"


def _box(x: float, y: float, width: float, kind: str) -> str:
    return f'<rect class="box {kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BOX}" rx="5"/>'
