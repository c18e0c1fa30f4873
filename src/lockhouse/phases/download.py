"""download: bring the planned wheels into the wheelhouse."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from lockhouse.blacklist import never_fetched
from lockhouse.errors import LockhouseError, UsageError
from lockhouse.events import Message
from lockhouse.host import Host
from lockhouse.manifest import Manifest
from lockhouse.plan import Plan, PlannedDistribution
from lockhouse.project import Project
from lockhouse.quantities import size as readable
from lockhouse.steps import Context, Step

__all__ = ["steps"]

NAME = "download"


def steps(project: Project, manifest: Manifest) -> tuple[Step, ...]:
    """The one step of this phase."""
    return (
        Step(
            name=NAME,
            phase="download",
            doc="bring the planned wheels into the wheelhouse",
            run=_download,
            needs=("plan",),
            up_to_date=_up_to_date,
            done=_are_held,
        ),
    )


def _wanted(context: Context) -> tuple[PlannedDistribution, ...] | None:
    """What is to be brought: all but what the scan refuses from metadata alone."""
    plan, host = context.state.read(Plan), context.state.read(Host)
    if plan is None or host is None:
        return None
    markers = host.required_interpreter(plan.target.python_version).markers
    refused = never_fetched(context.manifest, plan, markers)
    return tuple(item for item in plan.distributions if item.name not in refused)


def _up_to_date(context: Context) -> bool:
    wanted = _wanted(context)
    if wanted is None or not _are_held(context):
        return False
    _summarise(context, wanted, "")
    return True


def _are_held(context: Context) -> bool:
    from lockhouse.wheels.wheelhouse import Wheelhouse

    wanted = _wanted(context)
    wheelhouse = Wheelhouse(context.project.wheelhouse)
    with wheelhouse.remembering():
        return wanted is not None and all(wheelhouse.holds(item.filename, item.sha256) for item in wanted)


def _download(context: Context) -> None:
    from lockhouse.wheels.client import Client
    from lockhouse.wheels.configuration import read_pip_configuration
    from lockhouse.wheels.fetching import fetch
    from lockhouse.wheels.keyring import with_keyring
    from lockhouse.wheels.nearby import Nearby
    from lockhouse.wheels.wheelhouse import Wheelhouse

    wanted = _wanted(context)
    if wanted is None:
        raise UsageError("there is no plan to download", cause="the step plan has not run")
    indexes = [url for index in context.manifest.indexes for url in (index.url, *index.mirrors)]
    configuration = with_keyring(read_pip_configuration())
    with Client(configuration, context.options.offline, indexes=indexes) as client:
        wheelhouse = Wheelhouse(context.project.wheelhouse)
        given_up = threading.Event()
        try:
            done = fetch(
                wanted,
                wheelhouse,
                client,
                context.emit,
                mirrors=_mirrors(context),
                nearby=Nearby.of(configuration, client),
                step=NAME,
                on_arrival=_unpacking(context, given_up) if context.building_next else None,
            )
        finally:
            given_up.set()
    note = f" ({done.wheels} downloaded, {readable(done.bytes)})" if done.wheels else ""
    _summarise(context, wanted, note)


def _unpacking(context: Context, given_up: threading.Event) -> Callable[[Path, str], None]:
    """Unpack what arrives into the store while the rest is under way: the network leaves the cores idle.

    That is before the scan, and may be: the store belongs to no environment, takes a wheel only after it was read as
    the hostile thing that it may be, and checks every file. What it does not take is for scan and install to tell.
    """
    from lockhouse.store import Store

    store = Store()

    def unpack(wheel: Path, sha256: str) -> None:
        if given_up.is_set():
            return
        try:
            store.admit_all({sha256: wheel}, given_up=given_up)
        except LockhouseError as error:
            context.emit(Message(level="detail", text=f"{wheel.name} is not unpacked yet: {error.summary}"))

    return unpack


def _mirrors(context: Context) -> dict[str, tuple[str, ...]]:
    from lockhouse.resolution.routing import mirrors_of

    return mirrors_of(context.manifest, context.state.read(Plan), context.project.root)


def _summarise(context: Context, wanted: tuple[PlannedDistribution, ...], note: str) -> None:
    size = readable(sum(item.size for item in wanted))
    context.summarise(NAME, f"{len(wanted)} {'wheel' if len(wanted) == 1 else 'wheels'}, {size}{note}")
