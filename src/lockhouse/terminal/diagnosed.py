"""What a diagnosis says to people: each requirement with its verdict and why, then what the trials have shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lockhouse.terminal.text import clean, fold

if TYPE_CHECKING:
    from lockhouse.diagnosis.results import Bisection, Diagnosis, Evidence, Verdict
    from lockhouse.terminal.answers import Page

__all__ = ["diagnosed"]

ROOM = 56
"""Columns that a reason needs beside its requirement; where there are fewer it stands beneath."""

MARGIN = " " * 10


def diagnosed(page: Page) -> Iterator[str]:
    """Write a diagnosis, if there is one."""
    found: Diagnosis | None = page.record.result
    if found is None:
        return
    kept = ", ".join(f"{item.name} {item.version}" for item in found.protected) or "nothing that is there"
    yield from page.text(f"host {found.prefix}, Python {found.python}")
    yield from page.text(f"protected: {kept}")
    yield ""
    for item in found.verdicts:
        yield from _verdict(page, item, max(len(item.requirement) for item in found.verdicts) + 2)
    if found.bisection is not None:
        yield ""
        yield from _trials(page, found.bisection)


def _verdict(page: Page, item: Verdict, column: int) -> Iterator[str]:
    signs = {"SAFE": page.signs.done, "RISKY": "!", "UNSAFE": page.signs.failed}
    head = f"{signs[item.verdict]} {item.verdict:<7} "
    rest = MARGIN + " " * column
    first = f"{head}{clean(item.requirement):<{column}}"
    if page.width is not None and page.width - len(rest) < ROOM:
        yield from fold(clean(item.requirement), page.width, first=head, rest=MARGIN)
        first = rest = MARGIN
    yield from fold(clean(item.reason), page.width, first=first, rest=rest)
    for text in _more(page, item):
        yield from fold(clean(text), page.width, first=rest, rest=f"{rest}  ")


def _more(page: Page, item: Verdict) -> Iterator[str]:
    """What stands beneath a reason: the way that leads there, what else is grave, and how much would change."""
    for said in item.evidence:
        if said.text == item.reason:
            yield from _way(said)
        elif said.code.startswith("trial."):
            continue  # told of all together below
        elif said.weight != "note":
            yield said.text.removeprefix(f"{item.reason.removeprefix('cannot be judged: ')}\n")
            yield from _way(said)
        elif page.debug:
            yield said.text
    if item.files:
        yield f"{item.files} file{'s' * (item.files != 1)} of protected distributions would change"


def _way(said: Evidence) -> Iterator[str]:
    if len(said.requirements) > 1:
        yield " → ".join(said.requirements)


def _trials(page: Page, found: Bisection) -> Iterator[str]:
    from lockhouse.diagnosis.concluding import gist

    count = len(found.trials)
    copies = "one throw-away copy" if count == 1 else f"{count} throw-away copies"
    yield f"tried in {copies} of the host:"
    for culprit in found.culprits:
        who = " with ".join(culprit.candidates)
        if culprit.check:
            text = f"{who} breaks {culprit.check}: {gist(culprit.output)}"
        else:
            text = f"{who} cannot be installed{' together' if len(culprit.candidates) > 1 else ''}"
        yield from fold(clean(text), page.width, first=f"{page.signs.failed} ", rest="  ")
    if found.harmless:
        together = ", alone and together" if len(found.harmless) > 1 else ""
        text = f"{', '.join(found.harmless)}: nothing breaks{together}"
        yield from fold(clean(text), page.width, first=f"{page.signs.done} ", rest="  ")
