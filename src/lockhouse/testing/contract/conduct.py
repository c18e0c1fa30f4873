"""Clauses about the plugin as a whole: that it can be loaded, and what it does to the process that it is a guest in."""

from __future__ import annotations

from collections.abc import Iterator

from lockhouse.testing.contract.hearing import Clause, Hearing
from lockhouse.testing.contract.testimony import Subject

__all__ = ["PLUGIN_CLAUSES"]


def _loads(hearing: Hearing, subject: Subject) -> Iterator[str]:
    loaded = hearing.first.loaded
    if loaded is not None and loaded.error is not None:
        yield f"it could not be loaded: {loaded.error}"
    elif loaded is not None and not hearing.first.subjects:
        yield "lockhouse_accelerators gave nothing"


def _comes_to_an_end(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for testimony in (hearing.first, hearing.second):
        if testimony.unfinished is not None:
            yield f"the process that asked it {testimony.ended} during {testimony.unfinished}"
            return


def _is_an_accelerator(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for item in hearing.first.subjects:
        if item.mismatch is not None:
            yield f"lockhouse_accelerators {item.mismatch}"


def _imports_no_framework(hearing: Hearing, subject: Subject) -> Iterator[str]:
    yield from _deeds(hearing, "import", "imports {what}")


def _loads_no_library(hearing: Hearing, subject: Subject) -> Iterator[str]:
    yield from _deeds(hearing, "library", "loads the library {what}")


def _starts_no_program(hearing: Hearing, subject: Subject) -> Iterator[str]:
    yield from _deeds(hearing, "program", "starts a program itself: {what}")


def _uses_no_network(hearing: Hearing, subject: Subject) -> Iterator[str]:
    yield from _deeds(hearing, "network", "uses the network: {what}")


def _leaves_things_alone(hearing: Hearing, subject: Subject) -> Iterator[str]:
    yield from _deeds(hearing, "left behind", "changes {what}")
    yield from _deeds(hearing, "write", "opens {what} for writing")


def _is_quiet(hearing: Hearing, subject: Subject) -> Iterator[str]:
    if hearing.first.printed.strip() and hearing.first.unfinished is None:
        yield f"prints {hearing.first.printed.strip()[:200]!r}"


def _deeds(hearing: Hearing, kind: str, text: str) -> Iterator[str]:
    for deed in hearing.first.deeds:
        if deed.kind == kind:
            yield f"{deed.during}: {text.format(what=deed.what)}"


PLUGIN_CLAUSES = (
    Clause(
        "loads",
        "a plugin that cannot be loaded gives nothing",
        "import it by hand: python -c 'import …'; nothing at import may raise, exit or wait",
        _loads,
    ),
    Clause(
        "comes-to-an-end",
        "lockhouse runs it in its own process, which would end or hang with it",
        "raise an exception where something cannot be done, and call nothing that may not return",
        _comes_to_an_end,
    ),
    Clause(
        "is-an-accelerator",
        "lockhouse can only ask what has all methods of lockhouse.accelerators.Accelerator, and a name to call it by",
        "give an instance, not a class, with every property and method of that protocol, and one word as namespace",
        _is_an_accelerator,
    ),
    Clause(
        "imports-no-framework",
        "importing a framework takes seconds, and crashes where a driver is broken",
        "ask in a Question of the kind python or command, which runs in a process of its own",
        _imports_no_framework,
    ),
    Clause(
        "loads-no-library",
        "a library of a vendor that hangs or crashes would do so inside lockhouse",
        "ask in a Question of the kind python, which runs in a process of its own",
        _loads_no_library,
    ),
    Clause(
        "starts-no-program",
        "nobody but a Question has a time limit, and every method is expected to answer at once",
        "ask in a Question of the kind command, and make sense of its answer in read()",
        _starts_no_program,
    ),
    Clause(
        "uses-no-network",
        "lockhouse looks at the machine without a network, and works offline",
        "keep what is needed in the plugin, as a data file with its source",
        _uses_no_network,
    ),
    Clause(
        "leaves-things-alone",
        "a plugin is a guest in the process, among others",
        "change nothing that is not your own, and start no thread",
        _leaves_things_alone,
    ),
    Clause(
        "is-quiet",
        "standard output belongs to the document of --json, and to what people are shown",
        "say it in the notes of a reading or the reason of a support",
        _is_quiet,
    ),
)
"""About the plugin as a whole."""
