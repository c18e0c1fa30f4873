"""What rules and resolver say of a plan, for people who asked about requirements and have no manifest before them."""

from __future__ import annotations

import re

from lockhouse.audits.refusal import headline
from lockhouse.errors import LockhouseError
from lockhouse.findings import Finding

__all__ = ["in_words", "said_of"]

PLACE = r"stages\[\d+\]\.requirements\[\d+\]"
"""Where a manifest asks. A candidate is in none."""


def in_words(error: LockhouseError) -> str:
    """Say what went wrong and what helps, in lines."""
    text = "\n".join(filter(None, (error.summary, error.cause)))
    text = text.replace("the manifest asks for", "you ask for").replace("satisfies the manifest", "satisfies it")
    # A summary says again what the cause begins with, where there is one cause.
    lines = dict.fromkeys(line.strip() for line in text.splitlines())
    words = "\n".join((*filter(None, lines), *(f"try: {hint.text}" for hint in error.hints)))
    return re.sub(PLACE, "the requirement", re.sub(rf" \({PLACE}\)", "", words))


def said_of(finding: Finding) -> tuple[str, tuple[str, ...]]:
    """Give what a rule found, and the requirements that lead there as they stand, the candidate's own first."""
    asked = finding.chains[0].steps if finding.chains else ()
    return headline(finding), tuple(step.requirement or step.name for step in asked)
