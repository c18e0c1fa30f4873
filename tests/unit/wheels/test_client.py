"""The index client against a real index on loopback, folders and file URLs."""

from __future__ import annotations

import gzip
import http.server
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from fixtures.index import Index
from fixtures.servers import answering, reply
from fixtures.wheels import WheelSpec, build_wheel
from lockhouse.errors import IntegrityError, NetworkError, OfflineError, UnsafeWheel
from lockhouse.wheels.client import Client, Link
from lockhouse.wheels.configuration import PipConfiguration
from lockhouse.wheels.faults import NotServed, Unavailable
from lockhouse.wheels.fetching import fetch_one
from lockhouse.wheels.local import local_path
from lockhouse.wheels.metadata import Metadata
from lockhouse.wheels.wheelhouse import Wheelhouse

QUICK = PipConfiguration(timeout=5, retries=2)


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(QUICK, first_wait=0.001) as client:
        yield client


def described(client: Client, link: Link, folder: Path) -> Metadata:
    """What a wheel says of itself; if it takes the whole wheel, that is in ``folder`` afterwards."""
    return client.metadata(link, lambda whole: fetch_one(whole, Wheelhouse(folder), client))


def link_to(url: str) -> Link:
    return Link(filename=url.rpartition("/")[2], url=url)


@pytest.mark.parametrize("html_only", [False, True])
def test_project_gives_the_wheels_of_both_forms(index: Index, client: Client, html_only: bool) -> None:
    wheel = build_wheel(index.folder, "Some.Thing", "1.0")
    build_wheel(index.folder, "other")
    index.faults.html_only = html_only
    (link,) = client.project(index.url, "SOME_thing")
    assert (link.filename, link.url) == (wheel.name, f"{index.base}/files/{wheel.name}")
    assert link.sha256 is not None
    assert index.requests == ["GET /simple/some-thing/"]


def test_project_is_asked_for_once(index: Index, client: Client) -> None:
    build_wheel(index.folder, "a")
    assert client.project(index.url, "a") is client.project(index.url, "A")
    assert len(index.requests) == 1


@pytest.mark.parametrize("status", [404, 403, 410])
def test_unknown_project_has_no_wheels(index: Index, client: Client, status: int) -> None:
    index.faults.status["a"] = [status]
    assert client.project(index.url, "a") == ()


def test_index_that_wants_a_password_is_not_taken_for_empty(index: Index, client: Client) -> None:
    build_wheel(index.folder, "a")
    index.faults.password = "me:pw"
    with pytest.raises(NotServed) as caught:
        client.project(index.url, "a")
    assert caught.value.status == 401
    assert [hint.code for hint in caught.value.hints] == ["check-credentials"]


def test_credentials_of_an_index_serve_its_files_too(index: Index, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "a")
    index.faults.password = "me:p@ss"
    url = index.url.replace("//", "//me:p%40ss@")
    with Client(QUICK, indexes=[url]) as client:
        (link,) = client.project(url, "a")
        assert "me" not in link.url.partition("files")[0]
        assert client.size(link.url) == wheel.stat().st_size
        assert described(client, link, tmp_path).name == "a"


def test_temporary_failure_is_waited_out(index: Index, client: Client) -> None:
    build_wheel(index.folder, "a")
    index.faults.status["a"] = [502, 429]
    assert len(client.project(index.url, "a")) == 1


def test_lasting_failure_is_told_after_the_repetitions(index: Index, client: Client) -> None:
    index.faults.status["a"] = [503] * 10
    with pytest.raises(Unavailable, match="cannot answer now"):
        client.project(index.url, "a")
    assert len(index.requests) == QUICK.retries + 1


def test_server_says_how_long_to_wait(client: Client) -> None:
    for said, expected in (("7", 7.0), ("86400", 120.0), ("Mon, 01 Jan 2001 00:00:00 GMT", 0.0)):
        with answering(lambda handler, said=said: reply(handler, 503, Retry_After=said)) as url:  # type: ignore[misc]
            with pytest.raises(Unavailable) as caught, client.transport.request("GET", url):
                pass
            assert client.transport.wait(0, caught.value) == expected


def test_waiting_doubles_and_has_an_end(client: Client) -> None:
    error = Unavailable("x", url="u", cause="c")
    with Client(QUICK, first_wait=1.0) as client:
        assert 0.5 <= client.transport.wait(0, error) <= 1
        assert 4 <= client.transport.wait(3, error) <= 8
        assert 15 <= client.transport.wait(2000 // 10, error) <= 30


def test_page_that_is_no_index_page_is_an_error(client: Client) -> None:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        reply(handler, 200, b"{}", Content_Type="application/json")

    with answering(answer) as url, pytest.raises(NetworkError, match="no index page"):
        client.project(f"{url}/simple", "a")


def test_page_larger_than_anything_honest_is_not_read_to_its_end(client: Client) -> None:
    bomb = gzip.compress(bytes(65 << 20))
    answer = partial(reply, status=200, body=bomb, Content_Type="text/html", Content_Encoding="gzip")
    with answering(answer) as url, pytest.raises(NetworkError, match="sends too much"):
        client.project(f"{url}/simple", "a")


def test_page_of_another_kind_is_no_empty_index(client: Client) -> None:
    answer = partial(reply, status=200, body=b'{"files": []}', Content_Type="application/octet-stream")
    with answering(answer) as url, pytest.raises(NetworkError, match="is no index page"):
        client.project(f"{url}/simple", "a")


def test_addresses_are_relative_to_where_the_page_really_is(client: Client) -> None:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        if handler.path == "/simple/a/":
            reply(handler, 301, Location="/elsewhere/pages/a/")
        else:
            reply(handler, 200, b'<a href="../../a-1-py3-none-any.whl">', Content_Type="text/html")

    with answering(answer) as url:
        assert [link.url for link in client.project(f"{url}/simple/", "a")] == [f"{url}/elsewhere/a-1-py3-none-any.whl"]


def test_refused_connection_is_told_without_noise(client: Client) -> None:
    with pytest.raises(NetworkError) as caught:
        client.project("http://me:secret@127.0.0.1:9/simple", "a")
    assert caught.value.summary == "127.0.0.1 cannot be reached"
    assert caught.value.cause == "http://127.0.0.1:9/simple/a/: Connection refused"


@pytest.mark.parametrize("url", ["nonsense://host/simple", "http:///simple", "http://[broken/simple"])
def test_senseless_address_is_a_network_error(client: Client, url: str) -> None:
    with pytest.raises(NetworkError):
        client.project(url, "a")


def test_offline_asks_no_server_and_still_reads_folders(index: Index, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "a")
    with Client(QUICK, offline=True) as client:
        with pytest.raises(OfflineError):
            client.project(index.url, "a")
        with pytest.raises(OfflineError):
            described(client, link_to(f"{index.base}/files/{wheel.name}"), tmp_path)
        with pytest.raises(OfflineError):
            client.size(f"{index.base}/files/{wheel.name}")
        assert len(client.project(str(index.folder), "a")) == 1
    assert index.requests == []


def test_index_in_a_folder(tmp_path: Path, client: Client) -> None:
    wheel = build_wheel(tmp_path / "files", "Some-Thing", "1.0+cpu")
    page = tmp_path / "simple" / "some-thing" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<a href="../../files/{wheel.name.replace("+", "%2B")}">x</a>')
    for location in (str(tmp_path / "simple"), (tmp_path / "simple").as_uri(), (tmp_path / "simple").as_uri() + "/"):
        (link,) = client.project(location, "some.thing")
        assert local_path(link.url) == wheel
        assert client.size(link.url) == wheel.stat().st_size
        assert described(client, link, tmp_path).version == "1.0+cpu"
        assert client.project(location, "other") == ()


def test_folder_of_wheels_and_folder_of_folders(tmp_path: Path, client: Client) -> None:
    build_wheel(tmp_path, "a")
    build_wheel(tmp_path / "b", "b")
    assert [link.filename for link in client.project(str(tmp_path), "a")] == ["a-1.0-py3-none-any.whl"]
    assert [link.filename for link in client.project(str(tmp_path), "b")] == ["b-1.0-py3-none-any.whl"]


def test_folder_that_is_not_there_is_an_error_and_no_empty_index(tmp_path: Path, client: Client) -> None:
    with pytest.raises(NotServed, match="not there"):
        client.project(str(tmp_path / "missing"), "a")
    with pytest.raises(NotServed, match="not there"):
        client.size(str(tmp_path / "missing.whl"))
    with pytest.raises(NotServed, match="not there"):
        described(client, link_to(str(tmp_path / "missing-1-py3-none-any.whl")), tmp_path)


def test_find_links_may_be_folder_file_or_page(index: Index, tmp_path: Path, client: Client) -> None:
    wheel = build_wheel(index.folder, "a")
    listing = tmp_path / "listing.html"
    listing.write_text(f'<a href="{wheel.as_uri()}">a</a><a href="b-1-py3-none-any.whl">b</a>')
    for location in (str(index.folder), str(listing), listing.as_uri(), f"{index.url}a/"):
        assert [link.filename for link in client.find_links(location, "a")] == [wheel.name]


def test_metadata_comes_from_the_file_beside_the_wheel_and_then_from_the_cache(
    index: Index, client: Client, tmp_path: Path
) -> None:
    WheelSpec("a", requires=["b>=1"], requires_python=">=3.9", extras=["x"], padding=300_000).build(index.folder)
    (link,) = client.project(index.url, "a")
    found = described(client, link, tmp_path)
    assert (found.requires, found.requires_python, found.extras) == (("b>=1",), ">=3.9", ("x",))
    assert index.sent == {}
    before = len(index.requests)
    with Client(QUICK, offline=True) as another:
        assert described(another, link, tmp_path) == found
    assert len(index.requests) == before


def test_metadata_comes_by_ranges_where_there_is_no_such_file(index: Index, client: Client, tmp_path: Path) -> None:
    wheel = WheelSpec("a", requires=["b"], padding=1_000_000).build(index.folder)
    index.faults.no_metadata = True
    (link,) = client.project(index.url, "a")
    assert described(client, link, tmp_path).requires == ("b",)
    assert index.sent[wheel.name] <= 2 * 65536


def test_table_of_many_members_comes_by_ranges_too(index: Index, client: Client, tmp_path: Path) -> None:
    files = {f"a/module_with_a_long_name_{i:05}.py": "" for i in range(3000)}
    wheel = WheelSpec("a", requires=["b"], files=files | {"a/z.bin": bytes(range(256)) * 10}).build(index.folder)
    index.faults.no_metadata = True
    (link,) = client.project(index.url, "a")
    assert described(client, link, tmp_path).requires == ("b",)
    assert index.requests.count(f"GET /files/{wheel.name}") <= 4


def test_metadata_comes_from_the_whole_wheel_where_there_are_no_ranges(
    index: Index, client: Client, tmp_path: Path
) -> None:
    wheel = WheelSpec("a", requires=["b"], padding=300_000).build(index.folder)
    index.faults.no_metadata = index.faults.no_ranges = True
    (link,) = client.project(index.url, "a")
    assert described(client, link, tmp_path / "kept").requires == ("b",)
    assert (tmp_path / "kept" / wheel.name).read_bytes() == wheel.read_bytes()
    index.faults.corrupt.add(wheel.name)
    link = Link(filename=link.filename, url=link.url, sha256="00" * 32)
    with pytest.raises(IntegrityError, match="not the planned file"):
        described(client, link, tmp_path / "refused")
    assert not (tmp_path / "refused" / wheel.name).exists()


def test_friendly_page_in_place_of_metadata_is_not_believed(client: Client, tmp_path: Path) -> None:
    data = WheelSpec("a", requires=["b"]).build(tmp_path).read_bytes()

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        if handler.path.endswith(".metadata"):
            reply(handler, 200, b"Name: other\nVersion: 1.0\n\n")
        else:
            reply(handler, 200, data)

    with answering(answer) as url:
        assert described(client, link_to(f"{url}/a-1.0-py3-none-any.whl"), tmp_path).requires == ("b",)


def test_metadata_file_with_another_hash_than_announced_is_not_believed(
    index: Index, client: Client, tmp_path: Path
) -> None:
    build_wheel(index.folder, "a")
    (link,) = client.project(index.url, "a")
    announced = Link(filename=link.filename, url=link.url, metadata_sha256="00" * 32)
    assert described(client, announced, tmp_path).name == "a"
    assert index.sent  # it came from the wheel


@pytest.mark.parametrize("status", [500, 403])
def test_server_that_fails_on_unknown_names_is_asked_for_ranges(
    index: Index, client: Client, status: int, tmp_path: Path
) -> None:
    wheel = build_wheel(index.folder, "a")
    index.faults.status[f"{wheel.name}.metadata"] = [status]
    assert described(client, link_to(f"{index.base}/files/{wheel.name}"), tmp_path).name == "a"
    assert index.requests.count(f"GET /files/{wheel.name}.metadata") == 1


def test_metadata_of_another_distribution_in_a_wheel_is_refused(index: Index, client: Client, tmp_path: Path) -> None:
    wheel = WheelSpec("a", metadata_name="b").build(index.folder)
    with pytest.raises(UnsafeWheel) as caught:
        described(client, link_to(f"{index.base}/files/{wheel.name}"), tmp_path)
    assert caught.value.issue == "name-disagrees"
    with pytest.raises(UnsafeWheel):
        described(client, link_to(str(wheel)), tmp_path)


def test_size_where_the_server_knows_no_head(client: Client) -> None:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        if handler.command == "HEAD":
            reply(handler, 405)
        else:
            reply(handler, 206, b"x", Content_Range="bytes 0-0/4321")

    with answering(answer) as url:
        assert client.size(f"{url}/a.whl") == 4321


def test_missing_file_has_no_size(index: Index, client: Client) -> None:
    with pytest.raises(NotServed):
        client.size(f"{index.base}/files/missing.whl")


def test_paths_and_addresses_are_told_apart(tmp_path: Path) -> None:
    assert local_path("https://h.example/a") is None
    assert local_path("file:///a%20b/c") == Path("/a b/c")
    assert local_path("file://localhost/a") == Path("/a")
    assert local_path(str(tmp_path)) == tmp_path


def test_connection_serves_one_request_after_the_other(index: Index, client: Client, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "a")
    index.faults.no_metadata = True
    (link,) = client.project(index.url, "a")
    assert client.project(index.url, "missing") == ()
    described(client, link, tmp_path)  # there is no file beside it, so it is read by ranges
    client.size(link.url)
    with client.open_stream(link.url) as stream:
        assert b"".join(stream.blocks) == wheel.read_bytes()
    assert len(index.requests) > 5
    assert len(index.clients) == 1
