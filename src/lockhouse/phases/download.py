"""download: bring the planned wheels into the wheelhouse."""

from __future__ import annotations

from lockhouse.blacklist import blacklisted
from lockhouse.errors import UsageError
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
            inputs=(project.state / "plan.json",),
            up_to_date=_up_to_date,
        ),
    )


def _wanted(context: Context) -> tuple[PlannedDistribution, ...] | None:
    """What is to be brought: all but what the blacklist names, which the scan refuses from metadata alone."""
    plan, host = context.state.read(Plan), context.state.read(Host)
    if plan is None or host is None:
        return None
    markers = host.required_interpreter(plan.target.python_version).markers
    refused = blacklisted(context.manifest.blacklist, plan, markers)
    return tuple(item for item in plan.distributions if item.name not in refused)


def _up_to_date(context: Context) -> bool:
    from lockhouse.wheels.wheelhouse import Wheelhouse

    wanted = _wanted(context)
    wheelhouse = Wheelhouse(context.project.wheelhouse)
    if wanted is None or not all(wheelhouse.holds(item.filename, item.sha256) for item in wanted):
        return False
    _summarise(context, wanted, "")
    return True


def _download(context: Context) -> None:
    from lockhouse.wheels.client import Client
    from lockhouse.wheels.configuration import read_pip_configuration
    from lockhouse.wheels.fetching import fetch
    from lockhouse.wheels.wheelhouse import Wheelhouse

    wanted = _wanted(context)
    if wanted is None:
        raise UsageError("there is no plan to download", cause="the step plan has not run")
    indexes = [index.url for index in context.manifest.indexes]
    with Client(read_pip_configuration(), context.options.offline, indexes=indexes) as client:
        wheelhouse = Wheelhouse(context.project.wheelhouse)
        done = fetch(wanted, wheelhouse, client, context.tell, mirrors=_mirrors(context), step=NAME)
    note = f" ({done.wheels} downloaded, {readable(done.bytes)})" if done.wheels else ""
    _summarise(context, wanted, note)


def _mirrors(context: Context) -> dict[str, tuple[str, ...]]:
    """Mirrors by the name that the plan gives an index: its own, ``variant`` or ``default``."""
    manifest = context.manifest
    mirrors = {index.name: index.mirrors for index in manifest.indexes}
    plan = context.state.read(Plan)
    variant = manifest.variant(plan.target.variant) if plan is not None else None
    for index in manifest.indexes:
        if variant is not None and variant.index in (index.name, index.url):
            mirrors["variant"] = index.mirrors
        if not index.explicit:
            mirrors["default"] = (*mirrors.get("default", ()), *index.mirrors)
    return mirrors


def _summarise(context: Context, wanted: tuple[PlannedDistribution, ...], note: str) -> None:
    size = readable(sum(item.size for item in wanted))
    context.summarise(NAME, f"{len(wanted)} {'wheel' if len(wanted) == 1 else 'wheels'}, {size}{note}")
