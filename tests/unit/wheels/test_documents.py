"""Documents from the first address that serves them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.servers import Request, answering, reply
from lockhouse.errors import NetworkError, OfflineError
from lockhouse.wheels import documents
from lockhouse.wheels.documents import fetch_document


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_host_that_refuses_is_asked_once_and_the_mirror_serves(status: int) -> None:
    asked: list[str] = []

    def answer(request: Request) -> None:
        asked.append(request.path)
        if request.path == "/busy":
            reply(request, status, b"too many")
        else:
            reply(request, 200, b"{}", Last_Modified="Wed, 21 Oct 2015 07:28:00 GMT")

    with answering(answer) as url:
        found = fetch_document([f"{url}/busy", f"{url}/mirror"])
    assert (found.data, found.url, found.modified) == (b"{}", f"{url}/mirror", 1445412480.0)
    assert asked == ["/busy", "/mirror"]
    (refused,) = found.refused
    assert str(status) in refused


def test_the_last_answer_is_the_error() -> None:
    with answering(lambda request: reply(request, 404)) as url, pytest.raises(NetworkError) as caught:
        fetch_document([f"{url}/one", f"{url}/two"])
    assert caught.value.url.endswith("/two")


def test_credentials_are_told_to_nobody() -> None:
    with answering(lambda request: reply(request, 404)) as url, pytest.raises(NetworkError) as caught:
        fetch_document([url.replace("//", "//me:secret@")])
    assert "secret" not in f"{caught.value.summary} {caught.value.cause} {caught.value.url}"


def test_offline_nothing_is_asked(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text("{}")
    assert fetch_document([(tmp_path / "demo.json").as_uri()], offline=True).data == b"{}"
    with pytest.raises(OfflineError):
        fetch_document(["https://example.org/demo.json"], offline=True)


def test_what_is_far_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LARGEST", 1000)
    with answering(lambda request: reply(request, 200, b"x" * 1001)) as url, pytest.raises(NetworkError) as caught:
        fetch_document([url])
    assert "too large" in caught.value.summary
