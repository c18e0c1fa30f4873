"""The whole examination: one part after the other, each on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from lockhouse.doctor.remarks import Checkup, Comparison, Remark, Subject
from lockhouse.errors import LockhouseError
from lockhouse.events import Emit
from lockhouse.host import Host
from lockhouse.lockfile import Lock
from lockhouse.opening import open_context
from lockhouse.plugins import PluginRecord, Plugins
from lockhouse.run import run_verb
from lockhouse.steps import Context, Options

__all__ = ["examine"]

T = TypeVar("T")


def examine(
    root: Path, manifest: str | None, options: Options, emit: Emit, opened: Callable[[Context], object]
) -> Checkup:
    """Examine the project in ``root``; ``opened`` is told of its context, if it has one that can be used.

    Nothing is changed but what ``detect`` writes down. What keeps a part from being looked at is a remark, no error.
    """
    from lockhouse.doctor.here import look_at_lockhouse, look_at_plugins

    remarks = list(look_at_lockhouse())
    try:
        context = open_context(root, manifest, options, emit)
    except LockhouseError as error:
        remarks.append(_broken("manifest", error))
        records = Plugins.load(root.absolute() / "plugins", emit).records
        return Checkup(remarks=(*remarks, *look_at_plugins(records)))
    opened(context)
    text = f"{context.project.manifest.name} has no fault, digest {context.manifest.digest[:12]}"
    remarks.append(Remark(subject="manifest", state="ok", text=text))
    found, comparison = _project(context, context.plugins.records)
    return Checkup(remarks=(*remarks, *found), published=comparison)


def _project(context: Context, records: tuple[PluginRecord, ...]) -> tuple[list[Remark], Comparison | None]:
    from lockhouse.doctor import away, here, standing

    remarks = list(here.look_at_plugins(records))
    host = _detected(context, remarks)
    if host is not None:
        remarks += _guarded("machine", lambda: here.look_at_machine(context, host))
        remarks += _guarded("accelerators", lambda: here.look_at_accelerators(context, host))
    remarks += _guarded("caches", lambda: here.look_at_caches(context))
    remarks += _guarded("environment", lambda: standing.look_at_environment(context))
    lock: Lock | None = None
    comparison: Comparison | None = None

    def look_at_lock() -> Iterator[Remark]:
        nonlocal lock
        found, lock = standing.look_at_lock(context, host)
        yield from found

    def look_at_published() -> Iterator[Remark]:
        nonlocal comparison
        found, comparison = away.look_at_published(context, lock)
        yield from found

    remarks += _guarded("lock", look_at_lock)
    remarks += _guarded("indexes", lambda: away.look_at_indexes(context))
    remarks += _guarded("published", look_at_published)
    return remarks, comparison


def _detected(context: Context, remarks: list[Remark]) -> Host | None:
    try:
        run_verb("detect", context)
    except LockhouseError as error:
        remarks.append(_broken("machine", error))
        return None
    return context.state.read(Host)


def _guarded(subject: Subject, look: Callable[[], Iterator[Remark]]) -> list[Remark]:
    """Look at one part; that it cannot be looked at says something about it, and nothing about the others."""
    remarks: list[Remark] = []
    try:
        remarks.extend(look())
    except LockhouseError as error:
        remarks.append(_broken(subject, error))
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        text = f"it cannot be looked at: the system refused{where}: {error.strerror}"
        remarks.append(Remark(subject=subject, state="problem", text=text))
    return remarks


def _broken(subject: Subject, error: LockhouseError) -> Remark:
    text = f"{error.summary}: {error.cause}" if error.cause else error.summary
    return Remark(subject=subject, state="problem", text=text, hint=error.hints[0].text if error.hints else None)
