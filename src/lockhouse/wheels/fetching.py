"""Bring the planned wheels into the wheelhouse: in parallel, resuming, from mirrors where an index fails.

Nothing enters the wheelhouse whose hash is not the planned one, and nothing half-way. Files fail one by one; when all
others are through, the failures are reported together.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lockhouse.errors import Hint, IntegrityError, LockhouseError, NetworkError, OfflineError, StorageError
from lockhouse.events import Emit, discard
from lockhouse.plan import PlannedDistribution
from lockhouse.quantities import size as readable
from lockhouse.state import storage_errors
from lockhouse.values import dataclass
from lockhouse.wheels.arrival import Arrival, arrived, discard_partial
from lockhouse.wheels.client import Client, Link
from lockhouse.wheels.configuration import shown_url
from lockhouse.wheels.division import Means, Sharing
from lockhouse.wheels.lanes import Lanes
from lockhouse.wheels.listing import SHA256
from lockhouse.wheels.local import local_path
from lockhouse.wheels.meter import Meter
from lockhouse.wheels.nearby import Nearby
from lockhouse.wheels.parallel import Aside, do_all
from lockhouse.wheels.wheelhouse import Wheelhouse

__all__ = ["Fetched", "fetch", "fetch_one"]

CONNECTIONS = 50
"""Requests that one host is asked at once. By ``benchmarks/download.py`` more help up to here; uv asks as many."""

CONNECTIONS_ALONE = 8
"""The same for one wheel that comes in while a plan is made, and several of these do at once."""

OnArrival = Callable[[Path, str], None]
"""Takes the path of a wheel that has just arrived, and its sha256."""

SPARE, SHARE = 64 << 20, 20
"""Bytes that must stay free beside the wheels, or one part in so many of a small file system if that is less: nobody
likes one without a single block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What :func:`fetch` did: wheels that came in, and their size in bytes."""

    wheels: int
    bytes: int


def fetch(
    items: Sequence[PlannedDistribution],
    wheelhouse: Wheelhouse,
    client: Client,
    emit: Emit = discard,
    *,
    mirrors: Mapping[str, Sequence[str]] | None = None,
    nearby: Nearby | None = None,
    connections: int = CONNECTIONS,
    step: str = "download",
    on_arrival: OnArrival | None = None,
) -> Fetched:
    """Bring in every planned wheel that the wheelhouse does not hold.

    ``mirrors`` gives, by the name of an index as the plan has it (``PlannedDistribution.index``), the URLs of indexes
    that have the same, in order; ``nearby`` is looked through before anybody is asked. ``on_arrival`` is called for
    each wheel that came in, in threads of its own, while others still arrive; what it raises is raised here. Raises
    OfflineError, StorageError, NetworkError or IntegrityError; with several failures the gravest of them speaks for
    all. UnsafeWheel is raised for a file name that is none.
    """
    for item in items:
        wheelhouse.path(item.filename)  # a name that leads elsewhere is refused before anything is made from it
    with wheelhouse.remembering():
        missing = {item.filename: item for item in items if not wheelhouse.holds(item.filename, item.sha256)}
        waiting = sorted(missing.values(), key=lambda item: -item.size)  # the largest first: no long tail
        if not waiting:
            return Fetched(wheels=0, bytes=0)
        _refuse_unhashed(waiting)
        copies = nearby.copies(map(_link, waiting)) if nearby is not None else {}
        _refuse_offline([item for item in waiting if item.filename not in copies], client)
        _require_space(waiting, wheelhouse)
        meter = Meter(emit, step)
        for item in waiting:
            meter.of(item.filename)(
                arrived(wheelhouse.arriving(item.filename, item.sha256), item.size), item.size or None
            )
        means = _means(client, meter, connections)
        aside = Aside(os.cpu_count() or 1)

        def job(item: PlannedDistribution) -> None:
            others = (mirrors or {}).get(item.index, ())
            place = _bring(_link(item), wheelhouse, means, meter, others, copies.get(item.filename))
            if on_arrival is not None:
                aside.do(lambda: on_arrival(place, item.sha256))

        failures = do_all(job, waiting, connections, means.stop, means.sharing)
        if failures:
            raise _together([error for _, error in sorted(failures, key=lambda pair: pair[0].filename)], len(waiting))
        aside.finish()
    return Fetched(wheels=len(waiting), bytes=sum(wheelhouse.path(item.filename).stat().st_size for item in waiting))


def fetch_one(
    link: Link,
    wheelhouse: Wheelhouse,
    client: Client,
    emit: Emit = discard,
    *,
    mirrors: Sequence[str] = (),
    step: str = "plan",
) -> Path:
    """Bring in a single wheel, of which more must be known than its index says; return where it is then.

    Where the index gives no hash, a wheel of that name and size that is in the wheelhouse already is taken for the
    same one. Raises as :func:`fetch` does.
    """
    place = wheelhouse.path(link.filename)
    if link.sha256 is not None and wheelhouse.holds(link.filename, link.sha256):
        return place
    meter = Meter(emit, step)
    meter.of(link.filename)(0, link.size)
    means = _means(client, meter, CONNECTIONS_ALONE)

    def job(link: Link) -> None:
        if link.sha256 is None:
            _bring_unhashed(link, wheelhouse, means, meter)
        else:
            _bring(link, wheelhouse, means, meter, mirrors)

    failures = do_all(job, [link], means.hands, means.stop, means.sharing)
    if failures:
        raise failures[0][1]
    return place


def _bring_unhashed(link: Link, wheelhouse: Wheelhouse, means: Means, meter: Meter) -> None:
    place, client = wheelhouse.path(link.filename), means.client
    if place.is_file() and (client.offline or client.size(link.url) == place.stat().st_size):
        return
    origin = hashlib.sha256(link.url.encode()).hexdigest()[:16]
    partial = wheelhouse.partial / f"unhashed-{origin}-{link.filename}"
    arrival = Arrival(partial=partial, size=link.size, means=means, report=meter.of(link.filename), resumable=False)
    wheelhouse.admit(partial, link.filename, arrival.bring(link.url))
    discard_partial(partial)


def _bring(
    link: Link,
    wheelhouse: Wheelhouse,
    means: Means,
    meter: Meter,
    mirrors: Sequence[str],
    copy: str | None = None,
) -> Path:
    """Bring in one wheel from the first source that has the right bytes; return where it is."""
    assert link.sha256 is not None
    partial = wheelhouse.arriving(link.filename, link.sha256)
    arrival = Arrival(partial=partial, size=link.size or None, means=means, report=meter.of(link.filename))
    unreachable: list[NetworkError] = []
    wrong: list[IntegrityError] = []
    for url in _sources(link, means.client, mirrors, wrong, copy):
        try:
            actual = arrival.bring(url)
        except NetworkError as error:
            unreachable.append(error)
            meter.warn(f"{link.filename}: {error.summary}")
            continue
        if actual == link.sha256:
            place = wheelhouse.admit(partial, link.filename, actual)
            discard_partial(partial)
            return place
        discard_partial(partial)
        arrival.divisible = False  # whatever went wrong: one stream from beginning to end cannot be mixed up
        wrong.append(_wrong(link, url, actual))
        meter.warn(wrong[-1].summary)
        if len(wrong) == 2:
            break
    raise wrong[-1] if wrong else _unreachable(link, unreachable)


def _means(client: Client, meter: Meter, connections: int) -> Means:
    return Means(
        client=client,
        lanes=Lanes(connections, meter.say),
        stop=threading.Event(),
        sharing=Sharing(),
        hands=connections,
    )


def _link(item: PlannedDistribution) -> Link:
    return Link(filename=item.filename, url=item.url, sha256=item.sha256, size=item.size)


def _sources(
    link: Link, client: Client, mirrors: Sequence[str], wrong: Sequence[IntegrityError], copy: str | None
) -> Iterator[str]:
    """Where to try: a copy, the planned URL, the mirrors, and after wrong bytes the planned URL once more."""
    if copy is not None:
        yield copy
    yield link.url
    yield from (other.url for other in client.elsewhere(link, mirrors))
    if wrong:
        yield link.url


def _refuse_unhashed(items: Sequence[PlannedDistribution]) -> None:
    for item in items:
        if not SHA256.match(item.sha256):
            raise IntegrityError(
                f"{item.filename} has no usable hash in the plan",
                expected=item.sha256,
                actual="",
                cause="nothing is fetched that cannot be checked",
                hints=[Hint("replan", "plan again")],
            )


def _refuse_offline(items: Sequence[PlannedDistribution], client: Client) -> None:
    if not client.offline:
        return
    remote = sorted(item.filename for item in items if local_path(item.url) is None)
    if remote:
        raise OfflineError(
            f"{len(remote)} planned wheels are not in the wheelhouse"
            if len(remote) > 1
            else "a planned wheel is missing",
            cause="\n".join(remote),
            hints=[Hint("go-online", "run once without --offline, or put these files into the wheelhouse")],
        )


def _require_space(items: Sequence[PlannedDistribution], wheelhouse: Wheelhouse) -> None:
    with storage_errors(wheelhouse.folder):
        wheelhouse.partial.mkdir(parents=True, exist_ok=True)
        here = sum(arrived(wheelhouse.arriving(item.filename, item.sha256), item.size) for item in items)
        disk = shutil.disk_usage(wheelhouse.folder)
    needed = sum(item.size for item in items) - here
    spare = min(SPARE, disk.total // SHARE)
    if needed + spare > disk.free:
        raise StorageError(
            f"there is no space for the wheels: {readable(needed)} needed, {readable(disk.free)} free",
            cause=f"{wheelhouse.folder} is on a file system with {disk.free} bytes free, "
            f"and {readable(spare)} of them shall stay free",
            hints=[Hint("free-space", f"free {readable(needed + spare - disk.free)} there, or move the project")],
        )


def _wrong(link: Link, url: str, actual: str) -> IntegrityError:
    return IntegrityError(
        f"{link.filename} from {shown_url(url)} is not the planned file",
        expected=link.sha256 or "",
        actual=actual,
        hints=[Hint("replan", "plan again if the index has replaced the file; else do not trust what it serves")],
    )


def _unreachable(link: Link, errors: Sequence[NetworkError]) -> NetworkError:
    lines = dict.fromkeys(error.cause or error.summary for error in errors)
    hints = dict.fromkeys(hint for error in errors for hint in error.hints)
    summary = f"{link.filename} cannot be fetched"
    return NetworkError(summary, url=errors[0].url, cause="\n".join(lines), hints=tuple(hints))


def _together(errors: Sequence[LockhouseError], wanted: int) -> LockhouseError:
    """One error for all: the only one, or one of the gravest kind that tells of each."""
    for kind in (StorageError, IntegrityError, NetworkError, LockhouseError):
        gravest = next((error for error in errors if isinstance(error, kind)), None)
        if gravest is not None:
            break
    assert gravest is not None
    if len(errors) == 1:
        return gravest
    summary = f"{len(errors)} of {wanted} wheels could not be fetched"
    cause = "\n".join(f"{error.summary}: {error.cause}" if error.cause else error.summary for error in errors)
    hints = tuple(dict.fromkeys(hint for error in errors for hint in error.hints))
    if isinstance(gravest, IntegrityError):
        return IntegrityError(summary, expected=gravest.expected, actual=gravest.actual, cause=cause, hints=hints)
    if isinstance(gravest, NetworkError):
        return NetworkError(summary, url=gravest.url, cause=cause, hints=hints)
    return type(gravest)(summary, cause=cause, hints=hints)
