"""Large wheels that arrive in pieces, over several connections at once, on good days and bad."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.index import Index, serving
from fixtures.servers import Request, answering, reply
from fixtures.values import planned as planned_value
from fixtures.wheels import WheelSpec
from lockhouse.codec import encode
from lockhouse.errors import IntegrityError, NetworkError
from lockhouse.events import Event, Message, Progress
from lockhouse.plan import PlannedDistribution
from lockhouse.wheels.client import Client
from lockhouse.wheels.configuration import PipConfiguration
from lockhouse.wheels.fetching import fetch, fetch_one
from lockhouse.wheels.spans import Spans, known_spans, ledger_of
from lockhouse.wheels.wheelhouse import Wheelhouse

SIZE = 7_000_000


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Wheelhouse:
    return Wheelhouse(tmp_path / "wheelhouse")


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(PipConfiguration(timeout=60, retries=2), first_wait=0.001) as client:
        yield client


def huge(index: Index, name: str = "huge", padding: int = SIZE) -> PlannedDistribution:
    wheel = WheelSpec(name, padding=padding).build(index.folder)
    return planned_value(name, url=f"{index.base}/files/{wheel.name}", wheel=wheel)


def partial_of(wheelhouse: Wheelhouse, item: PlannedDistribution) -> Path:
    return wheelhouse.partial / f"{item.sha256}-{item.filename}"


def here(wheelhouse: Wheelhouse, item: PlannedDistribution) -> int:
    return sum(end - start for start, end in known_spans(partial_of(wheelhouse, item), item.size))


@pytest.mark.parametrize("rate", [None, 3_000_000])
def test_every_byte_is_asked_for_once(index: Index, wheelhouse: Wheelhouse, client: Client, rate: int | None) -> None:
    index.faults.bytes_per_second = rate  # slow, so that the hash catches up with pieces that are still arriving
    items = [huge(index), huge(index, "other", 5_000_000), huge(index, "small", 1000)]
    fetch(items, wheelhouse, client, connections=16)
    assert all(wheelhouse.holds(item.filename, item.sha256) for item in items)
    assert index.sent == {item.filename: item.size for item in items}
    assert index.requests.count(f"GET /files/{items[0].filename}") > 4
    assert index.requests.count(f"GET /files/{items[2].filename}") == 1
    assert list(wheelhouse.partial.iterdir()) == []


def test_one_connection_is_enough(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = huge(index)
    fetch([item], wheelhouse, client, connections=1)
    assert wheelhouse.holds(item.filename, item.sha256)
    assert index.requests == [f"GET /files/{item.filename}"]


def test_server_without_ranges_sends_it_in_one_stream(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    index.faults.no_ranges = True
    items = [huge(index), huge(index, "other")]
    fetch(items, wheelhouse, client)
    assert all(wheelhouse.holds(item.filename, item.sha256) for item in items)
    assert len(index.requests) <= 4  # each is asked for a range once at most, and then for all


def test_cut_connections_continue_where_they_stopped(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = huge(index)
    index.faults.cut_after[item.filename] = [300_000] * 7
    fetch([item], wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)
    assert index.sent[item.filename] == item.size


def test_failed_pieces_keep_the_others_for_the_next_run(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = huge(index)
    index.faults.cut_after[item.filename] = [1 << 30] * 4 + [0] * 200
    with pytest.raises(NetworkError):
        fetch([item], wheelhouse, client)
    kept = here(wheelhouse, item)
    assert kept > 1_000_000
    index.forget()
    index.faults.cut_after.clear()
    events: list[Event] = []
    fetch([item], wheelhouse, client, events.append)
    assert wheelhouse.holds(item.filename, item.sha256)
    assert index.sent[item.filename] == item.size - kept
    first = next(event for event in events if isinstance(event, Progress))
    assert (first.done, first.total) == (kept, item.size)


def test_refusal_in_the_midst_is_told(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = huge(index)
    index.faults.status[item.filename] = [503, 404]
    with pytest.raises(NetworkError) as caught:
        fetch([item], wheelhouse, client)
    assert "status 404" in (caught.value.cause or "")


def test_mirror_continues_the_pieces_of_the_index(
    index: Index, wheelhouse: Wheelhouse, client: Client, tmp_path: Path
) -> None:
    item = huge(index)
    index.faults.cut_after[item.filename] = [1 << 30] * 4 + [0] * 200
    with serving(tmp_path / "mirror") as mirror:
        huge(mirror)
        fetch([item], wheelhouse, client, mirrors={"default": [mirror.url]})
        assert 0 < mirror.sent[item.filename] < item.size - 1_000_000
    assert wheelhouse.holds(item.filename, item.sha256)


def test_wrong_bytes_never_enter(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = huge(index)
    index.faults.corrupt.add(item.filename)
    with pytest.raises(IntegrityError):
        fetch([item], wheelhouse, client)
    assert wheelhouse.files() == ()
    assert list(wheelhouse.partial.iterdir()) == []


def test_ledger_that_promises_too_much_costs_a_second_download(
    index: Index, wheelhouse: Wheelhouse, client: Client
) -> None:
    item = huge(index)  # so a power cut leaves it: the ledger was written to the disk, the bytes were not
    wheelhouse.partial.mkdir(parents=True)
    partial = partial_of(wheelhouse, item)
    partial.write_bytes(bytes(item.size))
    Spans(ledger_of(partial), [(0, 5_000_000)]).close()
    fetch([item], wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)


@pytest.mark.parametrize("ledger", [b"", b"\xff" * 160, b"half a record"])
def test_ledger_that_is_none_counts_for_nothing(
    index: Index, wheelhouse: Wheelhouse, client: Client, ledger: bytes
) -> None:
    item = huge(index)
    wheelhouse.partial.mkdir(parents=True)
    partial = partial_of(wheelhouse, item)
    partial.write_bytes(b"x" * item.size)
    ledger_of(partial).write_bytes(ledger)
    fetch([item], wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)
    assert index.sent[item.filename] == item.size


def test_pieces_of_another_version_are_not_mixed_in(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = huge(index)
    index.faults.no_hashes = True
    (link,) = client.project(index.url, "huge")
    index.faults.cut_after[item.filename] = [1 << 30] * 4 + [0] * 200
    with pytest.raises(NetworkError):
        fetch_one(link, wheelhouse, client)
    index.faults.cut_after.clear()
    path = index.folder / item.filename
    data = bytearray(path.read_bytes())
    data[10_000] ^= 1
    path.write_bytes(data)  # same size, other bytes, other ETag
    assert fetch_one(link, wheelhouse, client).read_bytes() == data


def test_wheel_without_a_hash_arrives_in_pieces_too(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = huge(index)
    index.faults.no_hashes = True
    (link,) = client.project(index.url, "huge")
    fetch_one(link, wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)
    assert index.sent[item.filename] == item.size
    assert len(index.requests) > 5


def test_wheel_without_hash_and_version_comes_in_one_stream(
    index: Index, wheelhouse: Wheelhouse, client: Client
) -> None:
    item = huge(index)
    data = (index.folder / item.filename).read_bytes()
    asked: list[str | None] = []

    def answer(request: Request) -> None:
        asked.append(request.headers.get("Range"))
        if not request.path.endswith(".whl"):
            page = {"meta": {"api-version": "1.0"}, "files": [{"filename": item.filename, "url": f"/{item.filename}"}]}
            page["files"][0] |= {"hashes": {}, "size": len(data)}  # type: ignore[index]
            reply(request, 200, json.dumps(page).encode(), Content_Type="application/vnd.pypi.simple.v1+json")
        elif asked[-1] is None:
            reply(request, 200, data)
        else:  # ranges, but nothing that says of which version
            first, last = (int(number) for number in asked[-1].removeprefix("bytes=").split("-"))
            reply(request, 206, data[first : last + 1], Content_Range=f"bytes {first}-{last}/{len(data)}")

    with answering(answer) as url:
        (link,) = client.project(f"{url}/simple/", "huge")
        fetch_one(link, wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)
    assert asked[-1] is None


def test_server_that_is_asked_too_much_is_given_the_time_that_it_asks_for(
    index: Index, wheelhouse: Wheelhouse, client: Client
) -> None:
    item = huge(index)
    data = (index.folder / item.filename).read_bytes()
    refused: list[float] = []
    answered: list[float] = []

    def answer(request: Request) -> None:
        first, last = (int(number) for number in str(request.headers["Range"]).removeprefix("bytes=").split("-"))
        if first and (not refused or time.monotonic() - refused[0] < 0.5):
            refused.append(time.monotonic())
            reply(request, 429, Retry_After="1")
            return
        answered.append(time.monotonic())
        extent = f"bytes {first}-{last}/{len(data)}"
        reply(request, 206, data[first : last + 1], Content_Range=extent, ETag='"one"')

    events: list[Event] = []
    with answering(answer) as url:
        fetch([replace(item, url=f"{url}/{item.filename}")], wheelhouse, client, events.append, connections=8)
    assert wheelhouse.holds(item.filename, item.sha256)
    assert refused
    assert all(not refused[-1] < then < refused[-1] + 0.9 for then in answered)
    told = [event.text for event in events if isinstance(event, Message)]
    assert told == ["127.0.0.1 asks to wait 1.0 s"]


KILLED = """
import json, sys
from pathlib import Path
from lockhouse.codec import decode
from lockhouse.plan import PlannedDistribution
from lockhouse.wheels.client import Client
from lockhouse.wheels.configuration import PipConfiguration
from lockhouse.wheels.fetching import fetch
from lockhouse.wheels.wheelhouse import Wheelhouse
item = decode(PlannedDistribution, json.loads(sys.argv[2]))
with Client(PipConfiguration()) as client:
    fetch([item], Wheelhouse(Path(sys.argv[1])), client, connections=4)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and SIGINT are POSIX")
@pytest.mark.parametrize("with_signal", [signal.SIGKILL, signal.SIGINT])
def test_pieces_survive_a_kill(
    index: Index, wheelhouse: Wheelhouse, client: Client, with_signal: signal.Signals
) -> None:
    item = huge(index)
    index.faults.bytes_per_second = 500_000
    argv = [sys.executable, "-c", KILLED, str(wheelhouse.folder), json.dumps(encode(item))]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while here(wheelhouse, item) < 2_000_000:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, with_signal)
        _, output = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode != 0, output
    kept = here(wheelhouse, item)
    spans = known_spans(partial_of(wheelhouse, item), item.size)
    assert len(spans) > 1  # several pieces were under way
    assert kept < item.size
    index.faults.bytes_per_second = None
    index.forget()
    fetch([item], wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)
    assert index.sent[item.filename] == item.size - kept


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes there")
def test_full_disk_is_told_and_what_came_is_kept(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    import resource

    from lockhouse.errors import StorageError

    item = huge(index)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, hard))
    try:
        with pytest.raises(StorageError):
            fetch([item], wheelhouse, client)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    index.forget()
    kept = here(wheelhouse, item)
    fetch([item], wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)
    assert index.sent[item.filename] == item.size - kept


def test_arrivals_are_told_while_others_are_under_way(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    items = [huge(index), huge(index, "small", 1000)]
    arrived: dict[str, str] = {}

    def on_arrival(path: Path, sha256: str) -> None:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
        arrived[path.name] = sha256

    fetch(items, wheelhouse, client, on_arrival=on_arrival)
    assert arrived == {item.filename: item.sha256 for item in items}
    arrived.clear()
    fetch(items, wheelhouse, client, on_arrival=on_arrival)
    assert arrived == {}


def test_what_is_raised_on_arrival_is_raised_after_all_have_arrived(
    index: Index, wheelhouse: Wheelhouse, client: Client
) -> None:
    items = [huge(index, name, 1000) for name in ("a", "b", "c")]

    def on_arrival(path: Path, sha256: str) -> None:
        raise ValueError(path.name)

    with pytest.raises(ValueError, match="whl"):
        fetch(items, wheelhouse, client, on_arrival=on_arrival)
    assert all(wheelhouse.holds(item.filename, item.sha256) for item in items)
