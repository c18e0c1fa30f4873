"""What stands as ``name=value`` on doit's command line, and what it means."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from doit import doit_cmd

from lockhouse.errors import Hint, UsageError
from lockhouse.plan import Selection
from lockhouse.steps import Options

if TYPE_CHECKING:
    from lockhouse.diagnosis.inquiry import Inquiry

__all__ = ["VARIABLES", "inquiry_of", "options_of", "variables"]

VARIABLES = ("manifest", "accelerator", "offline", "locked", "deep", "generation", "requirements", "bisect")
"""What may stand as ``name=value`` on doit's command line."""


def variables() -> dict[str, str]:
    """Give what was given; raises UsageError for a name or a value that there is not."""
    # doit takes any name=value for a variable and keeps them to itself: a misspelt one would do nothing.
    given: dict[str, str] = dict(doit_cmd._CMDLINE_VARS or {})
    for name in given:
        if name not in VARIABLES:
            close = difflib.get_close_matches(name, VARIABLES, n=1)
            text = f"did you mean {close[0]}=?" if close else f"variables are: {', '.join(VARIABLES)}"
            raise UsageError(f"there is no variable {name!r}", hints=[Hint("variable-name", text)])
    number = given.get("generation", "0")
    if not number.isdecimal() or len(number) > 9:
        raise UsageError(f"generation={number[:20]}: the value must be the number of a generation")
    return given


def options_of(given: Mapping[str, str]) -> Options:
    """Give what holds for a run; raises UsageError."""
    return Options(
        offline=_truth(given, "offline"),
        locked=_truth(given, "locked"),
        deep=_truth(given, "deep"),
        selection=Selection(accelerator=given.get("accelerator")),
    )


def inquiry_of(given: Mapping[str, str]) -> Inquiry:
    """Give what ``diagnose`` is asked; raises UsageError."""
    from lockhouse.diagnosis.inquiry import Inquiry

    return Inquiry(candidates=tuple(given.get("requirements", "").split()), bisecting=_truth(given, "bisect"))


def _truth(given: Mapping[str, str], name: str) -> bool:
    value = given.get(name, "0")
    if value not in ("0", "1"):
        raise UsageError(f"{name}={value}: the value must be 0 or 1")
    return value == "1"
