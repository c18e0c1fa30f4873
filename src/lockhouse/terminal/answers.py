"""What a verb says to people when it has succeeded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lockhouse.evidence import CheckResult, VerifyReport
from lockhouse.findings import ScanReport
from lockhouse.plan import Plan
from lockhouse.quantities import duration, size
from lockhouse.steps import Context
from lockhouse.terminal.detected import detected
from lockhouse.terminal.device import Signs
from lockhouse.terminal.diagnosed import diagnosed
from lockhouse.terminal.documents import generation_in_use
from lockhouse.terminal.record import Record
from lockhouse.terminal.text import clean, fold, table

if TYPE_CHECKING:
    from lockhouse.doctor.remarks import Checkup
    from lockhouse.environments.history import GenerationSummary
    from lockhouse.plugins import PluginRecord
    from lockhouse.upkeep import Cleaned

__all__ = ["ANSWERS", "TOLD_ANYWAY", "Page", "answer_lines", "conclusion"]


class Page:
    """What an answer is written for: the record of the run and the room there is."""

    def __init__(self, record: Record, width: int | None, signs: Signs, *, debug: bool) -> None:
        self.record = record
        self.width = width
        self.signs = signs
        self.debug = debug

    @property
    def context(self) -> Context:
        """The context of the run."""
        assert self.record.context is not None
        return self.record.context

    def table(self, rows: list[tuple[str, ...]]) -> list[str]:
        """Align rows within the room there is."""
        return table(rows, self.width, self.signs.ellipsis)

    def pairs(self, rows: list[tuple[str, str]]) -> Iterator[str]:
        """Put names before texts that may be long."""
        column = max((len(name) for name, _ in rows), default=0) + 2
        for name, text in rows:
            rest = " " * (column if self.width is None or self.width >= 60 else 4)
            yield from fold(clean(text), self.width, first=f"{name:<{column}}", rest=rest)

    def text(self, text: str) -> list[str]:
        """Fold one text."""
        return fold(clean(text), self.width)


def answer_lines(verb: str, page: Page) -> list[str]:
    """Give the lines of a verb's answer."""
    return list(ANSWERS[verb](page))


def conclusion(context: Context) -> str:
    """Say in one line where the environment is, which it is, and what proves it."""
    from lockhouse.environments.generations import Generations
    from lockhouse.verification.records import kept_report

    current = Generations(context.project).current()
    if context.manifest.hosted:
        from lockhouse.hosts.keeping import kept_inventory

        inventory = kept_inventory(context.project)
        host = f"host {inventory.prefix}" if inventory is not None else "the host"
        absent, there = f"nothing of this manifest is added to {host}", f"{host} has"
    else:
        where = _relative(context.project.pointer, context.project.root)
        absent, there = f"there is no environment at {where}", f"environment {where} is"
    if current is None:
        return absent
    digest = current.environment_digest or "unknown"
    parts = [f"{there} generation {current.number}", f"digest {digest[:12]}"]
    report = kept_report(current)
    if report is not None:
        passed = sum(check.ok for check in report.checks)
        skipped = sum(check.outcome == "skipped" for check in report.checks)
        parts.append("verified" + (f" by {_count(passed, 'check')}" if passed else ""))
        if skipped:
            parts.append(f"{_count(skipped, 'check')} not possible on this machine")
    return ", ".join(parts)


def _plan(page: Page) -> Iterator[str]:
    plan = page.record.value(Plan)
    if plan is None:
        return
    header = ("DISTRIBUTION", "VERSION", "STAGE", "SIZE", "REQUIRED BY")
    rows = [
        (item.name, item.version, item.stage, size(item.size), ", ".join(item.required_by) or "manifest")
        for item in plan.distributions
    ]
    yield from page.table([header, *rows])
    yield ""
    for omitted in plan.omitted:
        yield from page.text(f"left out: stage {omitted.name}: {omitted.reason}")
    for edge in plan.excluded:
        why = f": {edge.reason}" if edge.reason else ""
        yield from page.text(f"cut: {edge.distribution} does not bring {edge.dependency}{why}")
    for note in plan.notes:
        yield from page.text(note)
    total = size(sum(item.size for item in plan.distributions))
    yield from page.text(
        f"{_count(len(plan.distributions), 'wheel')}, {total}, variant {plan.target.variant}, digest {plan.digest[:12]}"
    )


def _download(page: Page) -> Iterator[str]:
    plan = page.record.value(Plan)
    if plan is not None:
        where = _relative(page.context.project.wheelhouse, page.context.project.root)
        total = size(sum(item.size for item in plan.distributions))
        yield from page.text(f"{_count(len(plan.distributions), 'wheel')}, {total}, in {where}")


def _scan(page: Page) -> Iterator[str]:
    report = page.record.value(ScanReport)
    if report is not None:
        yield from scan_lines(report, page.width)


def scan_lines(report: ScanReport, width: int | None) -> Iterator[str]:
    """Tell what a scan that passed has to say: warnings by culprit, with their chains and cures, and then the notes."""
    from lockhouse.audits.refusal import TOLD, by_culprit, headline, section, ways_out

    warnings = [finding for finding in report.findings if finding.severity == "warn"]
    notes = [finding for finding in report.findings if finding.severity == "note"]
    culprits = by_culprit(warnings)
    for name, findings in culprits[:TOLD]:
        cures = (text for finding in findings for text in ways_out(finding))
        lines = [f"! {name or 'the whole plan'}", *(f"  {line}" for line in section(findings, cures))]
        yield from fold(clean("\n".join(lines)), width, rest="")
    if len(culprits) > TOLD:
        yield f"! {len(culprits) - TOLD} more; with --json the scan lists them all"
    for finding in notes:
        yield from fold(clean(headline(finding)), width, first="· ")
    told = [_count(len(warnings), "warning")] * bool(warnings) + [_count(len(notes), "note")] * bool(notes)
    counted = f"{_count(report.wheels, 'wheel')} judged by {_count(len(report.rules), 'rule')}"
    yield from fold(f"{counted}: {', '.join(['nothing refused', *told])}", width)


def _install(page: Page) -> Iterator[str]:
    yield from page.text(conclusion(page.context))


def _verify(page: Page) -> Iterator[str]:
    report = page.record.value(VerifyReport)
    if report is not None:
        yield from page.table([_check(check, page.signs) for check in report.checks])
    yield from _install(page)


def _check(check: CheckResult, signs: Signs) -> tuple[str, ...]:
    if check.outcome == "skipped":
        return "-", check.name, "skipped", check.output.strip().partition("\n")[0]
    sign = signs.done if check.ok else signs.failed
    return sign, check.name, duration(check.seconds), "" if check.ok else "failed, and is not critical"


def _generations(page: Page) -> Iterator[str]:
    found: tuple[GenerationSummary, ...] = page.record.result
    if not found:
        yield "there are no generations yet"
        return
    header = ("", "NUMBER", "STATE", "DIGEST", "SIZE", "CREATED", "LOCK")
    yield from page.table(
        [
            header,
            *(
                (
                    "*" if item.current else "",
                    str(item.number),
                    "moved" if item.moved else item.state,
                    (item.environment_digest or "")[:12],
                    "" if item.size is None else size(item.size),
                    item.created.replace("T", " ").replace("Z", " UTC"),
                    Path(item.lock).name if item.lock else "",
                )
                for item in found
            ),
        ]
    )


def _rollback(page: Page) -> Iterator[str]:
    current = generation_in_use(page.context)
    if current is not None and current.lock is None:
        yield from page.text(
            "there is no lock for it: the lock here is that of another environment, which install builds"
        )
    if page.record.result is not None:
        yield from page.text(f"generation {page.record.result} is no longer in use; it is kept")
    yield from _install(page)


def _clean(page: Page) -> Iterator[str]:
    cleaned: Cleaned = page.record.result
    if not cleaned.freed:
        yield "there is nothing to free"
        return
    root = page.context.project.root
    yield from page.table([(item.kind, size(item.size), _relative(Path(item.path), root)) for item in cleaned.freed])
    yield f"{size(cleaned.size)} {'would be freed' if cleaned.dry_run else 'freed'}"


def _doctor(page: Page) -> Iterator[str]:
    found: Checkup | None = page.record.result
    if found is None:
        return
    signs = {"ok": page.signs.done, "note": "-", "warning": "!", "problem": page.signs.failed}
    column = max(len(remark.subject) for remark in found.remarks) + 2
    subject = ""
    for remark in found.remarks:
        named = remark.subject if remark.subject != subject else ""
        subject = remark.subject
        rest = " " * (column + 2)
        yield from fold(clean(remark.text), page.width, first=f"{signs[remark.state]} {named:<{column}}", rest=rest)
        if remark.hint:
            yield from fold(clean(f"try: {remark.hint}"), page.width, first=rest, rest=f"{rest}     ")
    if found.published is not None and found.published.differences:
        yield ""
        header = ("DIFFERENCE", "HERE", "PUBLISHED", "TAKING IT OVER")
        rows = [
            (item.what, item.here or "-", item.published or "-", item.effect) for item in found.published.differences
        ]
        yield from page.table([header, *rows])


def _plugins(page: Page) -> Iterator[str]:
    found: tuple[PluginRecord, ...] = page.record.result
    rows = [
        (
            item.name,
            item.version,
            item.distribution,
            item.origin,
            item.status,
            ", ".join(hook.removeprefix("lockhouse_") for hook in item.hooks),
        )
        for item in found
    ]
    yield from page.table([("PLUGIN", "VERSION", "DISTRIBUTION", "ORIGIN", "STATUS", "HOOKS"), *rows])
    for item in found:
        if item.reason:
            yield from page.text(f"{item.name}: {item.reason}")


def _relative(path: Path, root: Path) -> str:
    return os.path.relpath(path, root) if path.is_relative_to(root) else str(path)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


ANSWERS: dict[str, Callable[[Page], Iterator[str]]] = {
    "detect": detected,
    "plan": _plan,
    "download": _download,
    "scan": _scan,
    "install": _install,
    "upgrade": _install,
    "verify": _verify,
    "generations": _generations,
    "rollback": _rollback,
    "clean": _clean,
    "diagnose": diagnosed,
    "doctor": _doctor,
    "plugins": _plugins,
}
"""What each verb says."""

TOLD_ANYWAY = frozenset({"diagnose", "doctor"})
"""Verbs whose answer is wanted most of all where it ends with an error."""
