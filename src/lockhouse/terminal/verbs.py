"""What each verb runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockhouse.events import Emit
from lockhouse.plugins import Plugins
from lockhouse.terminal.record import Record
from lockhouse.terminal.request import Request

if TYPE_CHECKING:
    from lockhouse.diagnosis.inquiry import Inquiry
    from lockhouse.reporting import Reports
    from lockhouse.steps import Context

__all__ = ["perform"]


def perform(request: Request, record: Record, emit: Emit) -> None:
    """Do what was asked for and leave what there is to show in the record; raise the error that stopped it."""
    if request.verb == "plugins":  # also where there is no manifest, or a broken one
        plugins = Plugins.load(request.root.absolute() / "plugins", emit)
        plugins.examine()
        record.result = plugins.records
        return
    if request.verb == "doctor":  # there too: what is broken is what it is asked about
        from lockhouse.doctor.examining import examine
        from lockhouse.errors import CheckupFailed

        found = examine(request.root, request.manifest, request.options, emit, record.begin)
        record.result = found
        if found.problems:
            count = len(found.problems)
            raise CheckupFailed("the doctor found a problem" if count == 1 else f"the doctor found {count} problems")
        return
    if request.inquiry is not None:  # there too: a notebook is no project
        _diagnose(request, request.inquiry, record, emit)
        return
    from lockhouse.opening import open_context

    context = open_context(request.root, request.manifest, request.options, emit)
    record.begin(context)
    if request.verb == "generations":
        from lockhouse.environments.history import list_generations

        record.result = list_generations(context.project, sizes=True)
    elif request.verb == "rollback":
        from lockhouse.run import run_verb
        from lockhouse.upkeep import roll_back

        run_verb("detect", context)  # a proof says on which machine it was made
        record.result = roll_back(context, request.number)
    elif request.verb == "clean":
        from lockhouse.upkeep import clean

        record.result = clean(context, dry_run=request.dry_run)
    elif request.reports is not None:
        _run_with_reports(request.verb, context, request.reports)
    else:
        from lockhouse.run import run_verb

        run_verb("install" if request.verb == "upgrade" else request.verb, context)


def _diagnose(request: Request, inquiry: Inquiry, record: Record, emit: Emit) -> None:
    """Diagnose requirements; those that would hurt the host are an error, after everything has been told."""
    from lockhouse.diagnosis.examining import diagnose
    from lockhouse.diagnosis.outcome import judged_to_be_safe

    inquiry.check()
    found = diagnose(
        request.root,
        request.manifest,
        request.options,
        inquiry.candidates,
        emit,
        bisecting=inquiry.bisecting,
        begin=record.begin,
    )
    record.result = found
    if inquiry.graph is not None:
        from lockhouse.events import Message
        from lockhouse.reporting.verdicts import verdict_picture
        from lockhouse.state import write_atomically

        write_atomically(inquiry.graph, verdict_picture(found).encode())
        emit(Message(level="info", text=f"written: {inquiry.graph}"))
    judged_to_be_safe(found)


def _run_with_reports(verb: str, context: Context, reports: Reports) -> None:
    """Run a verb and write what its scan found, also when it refused the plan: that is what reports are read for."""
    from lockhouse.errors import ScanRefused
    from lockhouse.run import run_verb

    reports.check()
    try:
        run_verb(verb, context)
    except ScanRefused:
        reports.write_anyway(context)
        raise
    reports.write(context)
