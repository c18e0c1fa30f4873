"""One command from request to exit status: run the verb, show its events, then its answer, document or error."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterator
from typing import TextIO

from lockhouse.errors import Hint, InternalError, Interrupted, LockhouseError, StorageError, UsageError
from lockhouse.events import Event
from lockhouse.interruption import attended, heeded, was_interrupted
from lockhouse.state import refused
from lockhouse.terminal import Listener, listener, show_error
from lockhouse.terminal.record import Record
from lockhouse.terminal.request import Request
from lockhouse.terminal.streams import abandon, prepare, reserved_output, write

__all__ = ["explain", "refuse", "serve", "untold"]


def serve(request: Request) -> int:
    """Run a request and return its exit status."""
    prepare()
    try:
        with attended(), _output(request.json) as output:
            return _serve(request, output)
    except OSError as caught:  # the verb itself is through: this is about telling
        return untold(caught)


def refuse(error: UsageError, *, verb: str | None, json: bool) -> int:
    """Show that a command line makes no sense, and return its exit status; ``verb`` is None where it names none."""
    prepare()
    if json:
        from lockhouse.terminal.documents import document, render, usage_document

        try:
            write(sys.stdout, render(document(verb, Record(), error) if verb else usage_document(error)))
        except OSError as caught:
            return untold(caught)
    show_error(error, sys.stderr)
    return error.exit_status


def untold(caught: OSError) -> int:
    """Say that an answer cannot be given, and return the exit status for that."""
    abandon(sys.stdout)
    error = StorageError("standard output cannot be written", cause=caught.strerror)
    show_error(error, sys.stderr)
    return error.exit_status


@contextlib.contextmanager
def _output(reserved: bool) -> Iterator[TextIO]:
    if not reserved:
        yield sys.stdout
        return
    with reserved_output() as output:
        yield output


def _serve(request: Request, output: TextIO) -> int:
    record = Record()
    shown = listener(sys.stderr, request.quiet, request.debug)
    error: LockhouseError | None = None
    try:
        with heeded():
            _perform(request, record, shown)
    except BaseException as caught:  # noqa: BLE001 - the boundary: nothing leaves it but an exit status
        error = explain(caught, debug=request.debug)
    finally:
        if record.context is not None:
            record.context.plugins.close()
        shown.close()
    hints = record.context.plugins.hints(error) if record.context is not None and error is not None else ()
    if error is not None:
        _tell_anyway(request, record, output)
        if request.debug:
            with contextlib.suppress(OSError):
                write(sys.stderr, "".join(traceback.format_exception(error)))
        show_error(error, sys.stderr, hints)
    if request.json:
        from lockhouse.terminal.documents import document, render

        try:
            told = render(document(request.verb, record, error, hints))
        except Exception as caught:  # noqa: BLE001 - what is on disk is read for it: there is a document all the same
            error = error or explain(caught, debug=request.debug)
            told = render(document(request.verb, Record(), error, hints))
            show_error(error, sys.stderr)
        write(output, told)
    elif error is None and not request.quiet:
        error = _answered(request, record, output)
    return error.exit_status if error is not None else 0


def _perform(request: Request, record: Record, shown: Listener) -> None:
    from lockhouse.terminal.verbs import perform

    def emit(event: Event) -> None:
        record(event)
        shown(event)

    perform(request, record, emit)


def _tell_anyway(request: Request, record: Record, output: TextIO) -> None:
    """Give the answer of a verb that ends with an error because of what it found."""
    from lockhouse.terminal.answers import TOLD_ANYWAY

    if request.verb in TOLD_ANYWAY and record.result is not None and not (request.json or request.quiet):
        _answer(request, record, output)


def _answer(request: Request, record: Record, output: TextIO) -> None:
    from lockhouse.terminal.answers import Page, answer_lines
    from lockhouse.terminal.device import signs_of, width_of

    page = Page(record, width_of(output), signs_of(output), debug=request.debug)
    lines = answer_lines(request.verb, page)
    if request.verb == "scan":
        from lockhouse.terminal.paint import paint

        paint(lines, output)
    else:
        write(output, "".join(f"{line}\n" for line in lines))


def _answered(request: Request, record: Record, output: TextIO) -> LockhouseError | None:
    """Give the answer of a verb that succeeded; return what is wrong with it, which is shown."""
    try:
        _answer(request, record, output)
    except OSError:
        raise
    except Exception as caught:  # noqa: BLE001 - what is on disk is read for it
        error = explain(caught, debug=request.debug)
        show_error(error, sys.stderr)
        return error
    return None


def explain(caught: BaseException, *, debug: bool) -> LockhouseError:
    """Turn whatever stopped a verb into an error that can be shown."""
    if was_interrupted(caught):
        return Interrupted("interrupted")
    if isinstance(caught, OSError) and (refusal := refused(caught)) is not None:
        error: LockhouseError = refusal
    elif isinstance(caught, InternalError):
        error = caught
    elif isinstance(caught, LockhouseError):
        return caught
    else:
        error = InternalError("lockhouse has a defect", cause=f"{type(caught).__name__}: {caught}")
    error.__cause__ = error.__cause__ or (caught if caught is not error else None)
    if isinstance(error, InternalError):
        text = "report this with the traceback above" if debug else "run again with --debug to see where it happened"
        error.hints = (*error.hints, Hint("report" if debug else "debug", text))
    return error
