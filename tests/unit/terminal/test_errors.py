from __future__ import annotations

import io

from lockhouse.errors import Hint, Interrupted, LockhouseError, SubprocessFailed
from lockhouse.terminal import show_error


def shown(error: LockhouseError, *hints: Hint) -> str:
    stream = io.StringIO()
    show_error(error, stream, hints)
    return stream.getvalue()


def test_error_says_what_why_and_what_to_do() -> None:
    error = LockhouseError("it broke", cause="it was old", hints=[Hint("a", "mend it"), Hint("b", "or buy another")])
    assert shown(error) == "error: it broke\nbecause: it was old\ntry: mend it\ntry: or buy another\n"


def test_error_without_cause_and_hints_is_one_line() -> None:
    assert shown(LockhouseError("it broke")) == "error: it broke\n"


def test_hints_of_plugins_come_after_its_own_and_none_comes_twice() -> None:
    error = LockhouseError("it broke", hints=[Hint("own", "mend it")])
    assert (
        shown(error, Hint("vpn", "connect"), Hint("again", "mend it"))
        == "error: it broke\ntry: mend it\ntry: connect\n"
    )


def test_output_of_a_program_keeps_its_shape_and_loses_its_colours() -> None:
    error = SubprocessFailed("no", argv=["uv", "pip"], status=2, output="first\n  \x1b[31mindented\x1b[0m\n")
    assert shown(error).splitlines() == [
        "error: no",
        "because: uv ended with status 2:",
        "         first",
        "           indented",
    ]


def test_interruption_is_one_line() -> None:
    assert shown(Interrupted("interrupted", hints=[Hint("x", "y")])) == "interrupted\n"
