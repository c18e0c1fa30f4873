"""Downloads on a bad day: cut connections, wrong bytes, dead servers, full disks, kills."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.index import Index, serving
from fixtures.wheels import WheelSpec
from lockhouse.errors import IntegrityError, NetworkError, OfflineError, StorageError, UnsafeWheel
from lockhouse.events import Event, Message, Progress, discard
from lockhouse.plan import PlannedDistribution
from lockhouse.wheels.client import Client
from lockhouse.wheels.configuration import PipConfiguration
from lockhouse.wheels.fetching import Fetched, fetch, fetch_one
from lockhouse.wheels.nearby import Nearby
from lockhouse.wheels.wheelhouse import Wheelhouse


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Wheelhouse:
    return Wheelhouse(tmp_path / "wheelhouse")


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(PipConfiguration(timeout=5, retries=2), first_wait=0.001) as client:
        yield client


def planned(index: Index, wheel: Path, **changes: object) -> PlannedDistribution:
    name, version = wheel.name.split("-")[:2]
    values: dict[str, object] = {
        "name": name,
        "version": version,
        "stage": "base",
        "filename": wheel.name,
        "url": f"{index.base}/files/{wheel.name}",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "size": wheel.stat().st_size,
        "index": "default",
        "requirement": None,
        "critical": False,
        "requires_python": None,
        "requires": (),
        "required_by": (),
    }
    return PlannedDistribution(**(values | changes))  # type: ignore[arg-type]


def large(index: Index, name: str = "large", padding: int = 400_000) -> Path:
    return WheelSpec(name, padding=padding).build(index.folder)


def partial_of(wheelhouse: Wheelhouse, item: PlannedDistribution) -> Path:
    return wheelhouse.partial / f"{item.sha256}-{item.filename}"


def test_fetch_brings_all_wheels_and_the_second_time_none(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    items = [planned(index, large(index, name, 1000)) for name in ("a", "b", "c", "d")]
    assert fetch(items, wheelhouse, client) == Fetched(wheels=4, bytes=sum(item.size for item in items))
    assert all(wheelhouse.holds(item.filename, item.sha256) for item in items)
    assert list(wheelhouse.partial.iterdir()) == []
    before = len(index.requests)
    assert fetch(items, wheelhouse, client) == Fetched(wheels=0, bytes=0)
    assert len(index.requests) == before


def test_cut_connection_continues_where_it_stopped(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    wheel = large(index)
    index.faults.cut_after[wheel.name] = [150_000, 100_000]
    fetch([planned(index, wheel)], wheelhouse, client)
    assert wheelhouse.path(wheel.name).read_bytes() == wheel.read_bytes()
    assert index.sent[wheel.name] < wheel.stat().st_size + 2 * 65536


def test_progress_resets_the_count_of_repetitions(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    wheel = large(index)
    index.faults.cut_after[wheel.name] = [70_000] * 5  # more cuts than repetitions
    fetch([planned(index, wheel)], wheelhouse, client)
    assert wheelhouse.holds(wheel.name, planned(index, wheel).sha256)


@pytest.mark.parametrize("no_ranges", [False, True])
def test_server_that_makes_no_progress_is_given_up(
    index: Index, wheelhouse: Wheelhouse, client: Client, *, no_ranges: bool
) -> None:
    """It closes after each byte, or else begins anew each time and never comes to the end."""
    wheel = large(index)
    index.faults.no_ranges = no_ranges
    index.faults.cut_after[wheel.name] = [200_000 if no_ranges else 1] * 1000
    with pytest.raises(NetworkError):
        fetch([planned(index, wheel)], wheelhouse, client)
    assert len(index.faults.cut_after[wheel.name]) > 980


def test_failed_fetch_keeps_what_came_and_the_next_run_asks_only_for_the_rest(
    index: Index, wheelhouse: Wheelhouse, client: Client
) -> None:
    wheel = large(index)
    item = planned(index, wheel)
    index.faults.cut_after[wheel.name] = [200_000, 0, 0, 0]
    with pytest.raises(NetworkError):
        fetch([item], wheelhouse, client)
    here = partial_of(wheelhouse, item).stat().st_size
    assert 100_000 < here <= 200_000
    index.sent.clear()
    fetch([item], wheelhouse, client)
    assert index.sent[wheel.name] == item.size - here
    assert wheelhouse.holds(item.filename, item.sha256)


def test_server_without_ranges_starts_again(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    wheel = large(index)
    item = planned(index, wheel)
    wheelhouse.partial.mkdir(parents=True)
    partial_of(wheelhouse, item).write_bytes(wheel.read_bytes()[:100_000])
    index.faults.no_ranges = True
    fetch([item], wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)
    assert index.sent[wheel.name] == item.size


def test_partial_file_with_foreign_bytes_is_given_up(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = planned(index, large(index))
    wheelhouse.partial.mkdir(parents=True)
    partial_of(wheelhouse, item).write_bytes(b"x" * 100_000)
    fetch([item], wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)


def test_partial_file_that_is_too_long_is_given_up(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = planned(index, large(index))
    wheelhouse.partial.mkdir(parents=True)
    partial_of(wheelhouse, item).write_bytes(b"x" * (item.size + 1))
    fetch([item], wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)


def test_partial_file_longer_than_the_served_one_starts_again(
    index: Index, wheelhouse: Wheelhouse, client: Client
) -> None:
    item = planned(index, large(index), size=0)  # the size is not known, so the server has to say it: 416
    wheelhouse.partial.mkdir(parents=True)
    partial_of(wheelhouse, item).write_bytes(b"x" * 1_000_000)
    fetch([item], wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)


def test_complete_partial_file_needs_no_request(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    wheel = large(index)
    item = planned(index, wheel)
    wheelhouse.partial.mkdir(parents=True)
    partial_of(wheelhouse, item).write_bytes(wheel.read_bytes())
    fetch([item], wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)
    assert index.requests == []


def test_wrong_bytes_are_tried_once_more_and_never_enter(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    wheel = large(index)
    item = planned(index, wheel)
    index.faults.corrupt.add(wheel.name)
    with pytest.raises(IntegrityError) as caught:
        fetch([item], wheelhouse, client)
    assert caught.value.expected == item.sha256
    assert caught.value.actual == hashlib.sha256(bytes(b ^ 0xFF for b in wheel.read_bytes())).hexdigest()
    assert index.requests.count(f"GET /files/{wheel.name}") == 2
    assert not wheelhouse.path(wheel.name).exists()
    assert list(wheelhouse.partial.iterdir()) == []


def test_damaged_wheel_in_the_wheelhouse_is_replaced(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = planned(index, large(index))
    fetch([item], wheelhouse, client)
    place = wheelhouse.path(item.filename)
    data = bytearray(place.read_bytes())
    data[1000] ^= 1
    place.write_bytes(data)
    assert not wheelhouse.holds(item.filename, item.sha256)
    fetch([item], wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)


def test_temporary_statuses_are_waited_out(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = planned(index, large(index))
    index.faults.status[item.filename] = [503, 429]
    fetch([item], wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)


def test_mirror_serves_when_the_index_is_gone(
    index: Index, wheelhouse: Wheelhouse, client: Client, tmp_path: Path
) -> None:
    item = planned(index, large(index))
    index.faults.status[item.filename] = [404] * 10
    with serving(tmp_path / "mirror") as mirror:
        large(mirror)
        fetch([item], wheelhouse, client, mirrors={"default": [f"{index.base}/nothing/", mirror.url]})
        assert mirror.sent[item.filename] == item.size
    assert wheelhouse.holds(item.filename, item.sha256)


def test_mirror_serves_when_the_index_has_wrong_bytes(
    index: Index, wheelhouse: Wheelhouse, client: Client, tmp_path: Path
) -> None:
    item = planned(index, large(index))
    index.faults.corrupt.add(item.filename)
    with serving(tmp_path / "mirror") as mirror:
        large(mirror)
        fetch([item], wheelhouse, client, mirrors={"default": [mirror.url]})
    assert wheelhouse.holds(item.filename, item.sha256)


def test_mirror_continues_what_the_index_began(
    index: Index, wheelhouse: Wheelhouse, client: Client, tmp_path: Path
) -> None:
    item = planned(index, large(index))
    index.faults.cut_after[item.filename] = [200_000, 0, 0, 0]
    with serving(tmp_path / "mirror") as mirror:
        large(mirror)
        fetch([item], wheelhouse, client, mirrors={"default": [mirror.url]})
        assert mirror.sent[item.filename] < item.size - 100_000
    assert wheelhouse.holds(item.filename, item.sha256)


def test_all_failures_are_told_together_and_the_others_arrive(
    index: Index, wheelhouse: Wheelhouse, client: Client
) -> None:
    items = [planned(index, large(index, name, 1000)) for name in ("a", "b", "c")]
    index.faults.status[items[0].filename] = [404]
    index.faults.status[items[2].filename] = [403]
    with pytest.raises(NetworkError) as caught:
        fetch(items, wheelhouse, client)
    assert caught.value.summary == "2 of 3 wheels could not be fetched"
    assert caught.value.cause is not None
    assert items[0].filename in caught.value.cause
    assert items[2].filename in caught.value.cause
    assert "check-credentials" in {hint.code for hint in caught.value.hints}
    assert wheelhouse.holds(items[1].filename, items[1].sha256)


def test_wrong_bytes_outrank_a_missing_file(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    items = [planned(index, large(index, name, 1000)) for name in ("a", "b")]
    index.faults.status[items[0].filename] = [404]
    index.faults.corrupt.add(items[1].filename)
    with pytest.raises(IntegrityError, match="2 of 2"):
        fetch(items, wheelhouse, client)


def test_dead_server_is_a_network_error_with_advice(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = planned(index, large(index), url="http://127.0.0.1:9/files/large-1.0-py3-none-any.whl")
    with pytest.raises(NetworkError) as caught:
        fetch([item], wheelhouse, client)
    assert "refused" in (caught.value.cause or "").lower()
    assert [hint.code for hint in caught.value.hints] == ["check-network"]


def test_file_of_another_size_is_refused_before_it_is_fetched(
    index: Index, wheelhouse: Wheelhouse, client: Client
) -> None:
    wheel = large(index, padding=3_000_000)
    item = planned(index, wheel, size=1234)
    with pytest.raises(NetworkError) as caught:
        fetch([item], wheelhouse, client)
    assert "planned were 1234" in (caught.value.cause or "")
    assert not wheelhouse.path(wheel.name).exists()


def test_nothing_is_fetched_without_a_hash(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = planned(index, large(index), sha256="")
    with pytest.raises(IntegrityError, match="no usable hash"):
        fetch([item], wheelhouse, client)
    assert index.requests == []


def test_hash_cannot_lead_out_of_the_folder(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = planned(index, large(index), sha256="../../" + "a" * 58)
    with pytest.raises(IntegrityError):
        fetch([item], wheelhouse, client)


def test_file_name_cannot_lead_out_of_the_folder(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = planned(index, large(index), filename="../../a-1.0-py3-none-any.whl")
    with pytest.raises(UnsafeWheel):
        fetch([item], wheelhouse, client)
    assert not wheelhouse.holds(item.filename, item.sha256)
    assert not wheelhouse.folder.exists()


def test_folder_in_place_of_a_wheel_is_told(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = planned(index, large(index), url=str(index.folder))
    with pytest.raises(NetworkError, match="cannot be fetched"):
        fetch([item], wheelhouse, client)


def test_address_that_is_none_is_told_and_the_others_arrive(
    index: Index, wheelhouse: Wheelhouse, client: Client
) -> None:
    bad = planned(index, large(index, "bad"), url="http://[broken/bad-1.0-py3-none-any.whl")
    good = planned(index, large(index, "good"))
    with pytest.raises(NetworkError):
        fetch([bad, good], wheelhouse, client)
    assert wheelhouse.holds(good.filename, good.sha256)


def test_stalled_server_is_given_up_and_continued(index: Index, wheelhouse: Wheelhouse) -> None:
    item = planned(index, large(index, padding=100_000))
    index.faults.bytes_per_second = 40_000  # a pause of 0.4 seconds after each block of 16 KiB
    with Client(PipConfiguration(timeout=0.15, retries=2), first_wait=0.001) as client:
        fetch([item], wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)
    assert index.requests.count(f"GET /files/{item.filename}") > 2


def test_lack_of_space_is_told_before_anything_is_fetched(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    item = planned(index, large(index), size=10**18)
    with pytest.raises(StorageError, match="no space"):
        fetch([item], wheelhouse, client)
    assert index.requests == []


def test_small_file_system_need_not_have_more_room_than_the_wheels_and_a_little(
    index: Index, wheelhouse: Wheelhouse, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = planned(index, large(index, padding=3_000_000))
    total = 20_000_000
    usage = shutil.disk_usage(wheelhouse.folder.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(total=total, free=item.size + total // 20 - 1))
    with pytest.raises(StorageError, match="no space") as refused:
        fetch([item], wheelhouse, client)
    assert "1.0 MB of them shall stay free" in (refused.value.cause or "")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(total=total, free=item.size + total // 20))
    assert fetch([item], wheelhouse, client).wheels == 1


def test_wheelhouse_that_cannot_be_written_is_a_storage_error(
    index: Index, wheelhouse: Wheelhouse, client: Client
) -> None:
    wheelhouse.folder.write_bytes(b"a file where a folder belongs")
    with pytest.raises(StorageError):
        fetch([planned(index, large(index))], wheelhouse, client)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes there")
def test_disk_that_fills_up_meanwhile_is_a_storage_error(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    import resource

    items = [planned(index, large(index, name)) for name in ("a", "b", "c")]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(StorageError):
            fetch(items, wheelhouse, client)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert wheelhouse.files() == ()
    fetch(items, wheelhouse, client)
    assert len(wheelhouse.files()) == 3


def test_offline_lists_every_missing_wheel_and_asks_nobody(index: Index, wheelhouse: Wheelhouse) -> None:
    items = [planned(index, large(index, name, 1000)) for name in ("a", "b")]
    with Client(PipConfiguration(), offline=True) as client, pytest.raises(OfflineError) as caught:
        fetch(items, wheelhouse, client)
    assert caught.value.cause == "\n".join(item.filename for item in items)
    assert index.requests == []


def test_offline_still_copies_from_folders(index: Index, wheelhouse: Wheelhouse) -> None:
    wheel = large(index)
    by_url = planned(index, wheel, url=wheel.as_uri())
    with Client(PipConfiguration(), offline=True) as client:
        assert fetch([by_url], wheelhouse, client).wheels == 1
        wheelhouse.path(wheel.name).unlink()
        assert fetch([planned(index, wheel, url=str(wheel))], wheelhouse, client).wheels == 1
    assert wheelhouse.holds(by_url.filename, by_url.sha256)


def test_copies_on_this_machine_spare_the_network(
    index: Index, wheelhouse: Wheelhouse, client: Client, tmp_path: Path
) -> None:
    items = []
    for name in ("one", "two", "three"):
        wheel = large(index, name)
        items.append(planned(index, wheel, name=name))
        place = tmp_path / ("simple" if name == "one" else "links") / wheel.name
        place.parent.mkdir(exist_ok=True)
        data = wheel.read_bytes()
        place.write_bytes(data if name != "three" else bytes(byte ^ 1 for byte in data))
    nearby = Nearby(client=client, folders=(tmp_path / "links",), indexes=(str(tmp_path / "simple"),))
    fetch(items, wheelhouse, client, nearby=nearby)
    assert all(wheelhouse.holds(item.filename, item.sha256) for item in items)
    assert set(index.sent) == {items[2].filename}  # what only has the name and the size does not count


def test_offline_copies_count_whatever_the_plan_says(index: Index, wheelhouse: Wheelhouse, tmp_path: Path) -> None:
    item = planned(index, large(index))
    shutil.copytree(index.folder, tmp_path / "links")
    with Client(PipConfiguration(), offline=True) as client:
        fetch([item], wheelhouse, client, nearby=Nearby(client=client, folders=(tmp_path / "links",)))
    assert wheelhouse.holds(item.filename, item.sha256)


def test_progress_names_every_file_first_and_closes_each(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    events: list[Event] = []
    items = [planned(index, large(index, name, 1000)) for name in ("a", "b")]
    fetch(items, wheelhouse, client, events.append, step="download")
    progress = [event for event in events if isinstance(event, Progress)]
    assert {event.item for event in progress[:2]} == {item.filename for item in items}
    assert all(event.done == 0 for event in progress[:2])
    for item in items:
        last = [event for event in progress if event.item == item.filename][-1]
        assert (last.done, last.total, last.unit, last.step) == (item.size, item.size, "bytes", "download")


def test_a_failing_source_is_told(index: Index, wheelhouse: Wheelhouse, client: Client, tmp_path: Path) -> None:
    events: list[Event] = []
    item = planned(index, large(index))
    index.faults.status[item.filename] = [404]
    fetch([item], wheelhouse, client, events.append, mirrors={"default": [str(index.folder)]})
    assert [event.text for event in events if isinstance(event, Message)] == [
        f"{item.filename}: 127.0.0.1 does not serve this"
    ]


def test_credentials_appear_in_no_text(index: Index, wheelhouse: Wheelhouse) -> None:
    item = planned(index, large(index))
    index.faults.password = "somebody:s3cret"
    events: list[Event] = []
    wrong = PipConfiguration(index_url=f"http://somebody:wr0ng@{index.base[7:]}/simple/")
    with Client(wrong, first_wait=0) as client, pytest.raises(NetworkError) as caught:
        fetch([item], wheelhouse, client, events.append)
    assert "wr0ng" not in f"{caught.value} {caught.value.cause} {caught.value.url} {caught.value.hints} {events}"
    with Client(PipConfiguration(index_url=f"http://somebody:s3cret@{index.base[7:]}/simple/")) as client:
        fetch([item], wheelhouse, client)
    assert wheelhouse.holds(item.filename, item.sha256)


def test_wheel_without_a_hash_in_the_index_is_hashed_here(index: Index, wheelhouse: Wheelhouse, client: Client) -> None:
    wheel = large(index)
    index.faults.no_hashes = True
    (link,) = client.project(index.url, "large")
    assert link.sha256 is None
    place = fetch_one(link, wheelhouse, client)
    assert place.read_bytes() == wheel.read_bytes()
    assert wheelhouse.holds(wheel.name, hashlib.sha256(wheel.read_bytes()).hexdigest())
    index.sent.clear()
    assert fetch_one(link, wheelhouse, client) == place
    assert index.sent == {}


def test_unhashed_wheel_whose_file_was_replaced_meanwhile_starts_again(
    index: Index, wheelhouse: Wheelhouse, client: Client
) -> None:
    wheel = large(index)
    index.faults.no_hashes = True
    (link,) = client.project(index.url, "large")
    index.faults.cut_after[wheel.name] = [200_000, 0, 0, 0]
    with pytest.raises(NetworkError):
        fetch_one(link, wheelhouse, client)
    data = bytearray(wheel.read_bytes())
    data[10_000] ^= 1
    wheel.write_bytes(data)  # same size, other bytes, other ETag
    assert fetch_one(link, wheelhouse, client).read_bytes() == data


KILLED = """
import sys
from pathlib import Path
from lockhouse.codec import decode
from lockhouse.plan import PlannedDistribution
from lockhouse.wheels.client import Client
from lockhouse.wheels.configuration import PipConfiguration
from lockhouse.wheels.fetching import fetch
from lockhouse.wheels.wheelhouse import Wheelhouse
import json
item = decode(PlannedDistribution, json.loads(sys.argv[2]))
with Client(PipConfiguration()) as client:
    fetch([item], Wheelhouse(Path(sys.argv[1])), client)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and SIGINT are POSIX")
@pytest.mark.parametrize("with_signal", [signal.SIGKILL, signal.SIGINT])
def test_download_continues_after_a_kill(
    index: Index, wheelhouse: Wheelhouse, client: Client, with_signal: signal.Signals
) -> None:
    import json

    from lockhouse.codec import encode

    wheel = large(index, padding=4_000_000)
    item = planned(index, wheel)
    index.faults.bytes_per_second = 1_000_000
    argv = [sys.executable, "-c", KILLED, str(wheelhouse.folder), json.dumps(encode(item))]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE)
    partial = partial_of(wheelhouse, item)
    try:
        deadline = time.monotonic() + 60
        while not (partial.is_file() and partial.stat().st_size > 500_000):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, with_signal)
        _, output = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode != 0, output
    here = partial.stat().st_size
    assert 500_000 < here < item.size
    assert not wheelhouse.path(item.filename).exists()
    index.faults.bytes_per_second = None
    index.forget()
    fetch([item], wheelhouse, client, discard)
    assert wheelhouse.holds(item.filename, item.sha256)
    assert index.requests == [f"GET /files/{wheel.name}"]
    assert index.sent[wheel.name] == item.size - here
