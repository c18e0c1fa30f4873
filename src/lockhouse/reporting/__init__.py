"""The scan's report as files for others: SARIF for code scanning, and a picture."""

from __future__ import annotations

from pathlib import Path

from lockhouse.errors import Hint, LockhouseError, UsageError
from lockhouse.events import Message
from lockhouse.findings import ScanReport
from lockhouse.plan import Plan
from lockhouse.state import write_atomically
from lockhouse.steps import Context
from lockhouse.values import dataclass

__all__ = ["Reports", "check_place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """The files that were asked for; None for those that were not."""

    sarif: Path | None = None
    graph: Path | None = None

    def check(self) -> None:
        """Raise UsageError where a file cannot come to stand; nothing has been done by then."""
        if self.sarif is not None:
            check_place(self.sarif, "report")
        if self.graph is not None:
            check_place(self.graph, "picture", ".svg")

    def write(self, context: Context) -> None:
        """Write the files for the report of the context's last scan; raises StorageError."""
        report, plan = context.state.read(ScanReport), context.state.read(Plan)
        if report is None or plan is None:
            return
        if self.sarif is not None:
            from lockhouse.reporting.sarif import sarif_log

            project = context.project
            text = sarif_log(report, plan, context.plugins.audits(), project.manifest, project.root)
            _write(self.sarif, text, context)
        if self.graph is not None:
            from lockhouse.reporting.picture import picture

            _write(self.graph, picture(report, plan), context)

    def write_anyway(self, context: Context) -> None:
        """Write the files on the way out of an error, which must not be covered by another one."""
        try:
            self.write(context)
        except LockhouseError as error:
            reason = f": {error.cause}" if error.cause else ""
            context.emit(Message(level="warning", text=f"{error.summary}{reason}"))


def check_place(path: Path, what: str, ending: str = "") -> None:
    """Raise UsageError where a file cannot come to stand, or what opens it would not know what it is."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        reason = "it is a folder" if path.is_dir() else f"there is no folder {path.absolute().parent}"
        raise UsageError(
            f"the report cannot be written to {path}",
            cause=reason,
            hints=[Hint("report-file", "name a file in a folder that exists")],
        )
    if path.suffix.lower() != ending and ending:
        raise UsageError(
            f"the {what} cannot be written to {path}",
            cause=f"it is {ending[1:].upper()}, and what opens the file goes by its name",
            hints=[Hint("report-file", f"let the name end with {ending}")],
        )


def _write(path: Path, text: str, context: Context) -> None:
    write_atomically(path, text.encode())
    context.emit(Message(level="info", text=f"written: {path}"))
