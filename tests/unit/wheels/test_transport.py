"""Certificates, proxies, redirects and stalled servers."""

from __future__ import annotations

import gzip
import http.server
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from fixtures.servers import answering, reply
from lockhouse.errors import NetworkError, UsageError
from lockhouse.wheels.configuration import PipConfiguration
from lockhouse.wheels.faults import NotServed, RangeRefused, Unavailable
from lockhouse.wheels.transport import Transport

Request = http.server.BaseHTTPRequestHandler


def text_at(url: str, configuration: PipConfiguration) -> str:
    transport = Transport(configuration, first_wait=0.001)
    try:
        with transport.request("GET", url) as response:
            return response.text
    finally:
        transport.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a fresh key and certificate for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not on this machine")
    folder = tmp_path_factory.mktemp("certificate")
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    argv += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True, timeout=60)
    (folder / "both.pem").write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return folder / "both.pem"


def test_certificates_are_verified_unless_configured(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with answering(lambda request: reply(request, 200, b"welcome"), tls) as url:
        with pytest.raises(NetworkError) as caught:
            text_at(url, PipConfiguration(retries=0))
        assert not isinstance(caught.value, Unavailable)
        assert [hint.code for hint in caught.value.hints] == ["check-certificate"]
        assert text_at(url, PipConfiguration(cert=str(certificate))) == "welcome"
        assert text_at(url, PipConfiguration(trusted_hosts=("127.0.0.1",))) == "welcome"
        assert text_at(url, PipConfiguration(trusted_hosts=(url.removeprefix("https://"),))) == "welcome"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")  # what pip names wins over what requests knows
        assert text_at(url, PipConfiguration(cert=str(certificate))) == "welcome"


def test_client_certificate_is_shown(certificate: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(certificate)
    with answering(lambda request: reply(request, 200, b"welcome"), tls) as url:
        with pytest.raises(NetworkError):
            text_at(url, PipConfiguration(cert=str(certificate)))
        both = PipConfiguration(cert=str(certificate), client_cert=str(certificate))
        assert text_at(url, both) == "welcome"


@pytest.mark.parametrize(
    "configuration", [PipConfiguration(cert="/nowhere.pem"), PipConfiguration(client_cert="/nowhere.pem")]
)
def test_missing_certificates_are_named(configuration: PipConfiguration) -> None:
    with pytest.raises(UsageError) as caught:
        text_at("https://127.0.0.1:9/", configuration)
    assert caught.value.cause == "/nowhere.pem does not exist"


def test_bundle_that_is_none_is_told(certificate: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("these are no certificates")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with answering(lambda request: reply(request, 200), tls) as url, pytest.raises(NetworkError) as caught:
        text_at(url, PipConfiguration(cert=str(bundle)))
    assert [hint.code for hint in caught.value.hints] == ["check-certificate"]


def test_configured_proxy_is_used_and_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "*")
    with answering(lambda request: reply(request, 200, request.path.encode())) as url:
        assert text_at("http://index.invalid/simple/", PipConfiguration(proxy=url)) == "http://index.invalid/simple/"


def test_proxy_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(Unavailable) as caught:
        text_at("http://index.invalid/", PipConfiguration(proxy="http://me:s3cret@127.0.0.1:9"))
    assert [hint.code for hint in caught.value.hints] == ["check-proxy"]
    assert "s3cret" not in f"{caught.value} {caught.value.cause}"


def test_credentials_do_not_follow_a_redirect_to_another_origin() -> None:
    seen: list[str | None] = []

    def other(request: Request) -> None:
        seen.append(request.headers.get("Authorization"))
        reply(request, 200, b"there")

    with answering(other) as elsewhere:

        def first(request: Request) -> None:
            seen.append(request.headers.get("Authorization"))
            reply(request, 302, Location=f"{elsewhere}/x")

        with answering(first) as url:
            assert text_at(url.replace("//", "//me:pw@"), PipConfiguration()) == "there"
    assert seen == ["Basic bWU6cHc=", None]


def test_endless_redirect_is_final() -> None:
    with (
        answering(lambda request: reply(request, 302, Location="/again")) as url,
        pytest.raises(NetworkError, match="cannot be requested") as caught,
    ):
        text_at(url, PipConfiguration())
    assert not isinstance(caught.value, Unavailable)


def test_cookies_are_not_kept() -> None:
    seen: list[str | None] = []

    def answer(request: Request) -> None:
        seen.append(request.headers.get("Cookie"))
        reply(request, 200, b"", Set_Cookie="a=b")

    transport = Transport(PipConfiguration())
    with answering(answer) as url:
        for _ in range(2):
            with transport.request("GET", url):
                pass
    transport.close()
    assert seen == [None, None]


def test_server_that_says_nothing_is_given_up() -> None:
    def answer(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100")
        request.end_headers()
        request.wfile.write(b"only this")
        request.wfile.flush()
        request.connection.recv(1)  # until the client goes away

    transport = Transport(PipConfiguration(timeout=0.2))
    with (
        answering(answer) as url,
        pytest.raises(Unavailable, match="cannot be reached"),
        transport.stream(url) as stream,
    ):
        b"".join(stream.blocks)
    transport.close()


def test_file_without_a_length_comes_in_whole() -> None:
    def answer(request: Request) -> None:
        request.protocol_version = "HTTP/1.1"
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for size in (5, 100_000):
            request.wfile.write(f"{size:x}\r\n".encode() + b"x" * size + b"\r\n")
        request.wfile.write(b"0\r\n\r\n")

    transport = Transport(PipConfiguration(timeout=5))
    with answering(answer) as url, transport.stream(url) as stream:
        assert stream.total is None
        assert b"".join(stream.blocks) == b"x" * 100_005
    transport.close()


@pytest.mark.parametrize("said", ["bytes 0-99/100", "bytes 5-99/100", "nonsense", ""])
def test_other_range_than_asked_for_is_not_taken(said: str) -> None:
    transport = Transport(PipConfiguration())
    with (
        answering(lambda request: reply(request, 206, b"x" * 50, Content_Range=said)) as url,
        pytest.raises(RangeRefused),
        transport.stream(url, 50),
    ):
        pass
    transport.close()


def test_whole_file_in_place_of_a_range_begins_at_zero() -> None:
    transport = Transport(PipConfiguration())
    with (
        answering(lambda request: reply(request, 200, b"x" * 50, ETag='W/"weak"')) as url,
        transport.stream(url, 20, '"v"') as stream,
    ):
        assert (stream.start, stream.total, stream.validator) == (0, 50, None)
    transport.close()


def test_file_that_was_packed_on_its_way_is_unpacked() -> None:
    def answer(request: Request) -> None:
        assert request.headers["Accept-Encoding"] == "identity"
        reply(request, 200, gzip.compress(b"x" * 100_000), Content_Encoding="gzip", ETag='"packed"')

    transport = Transport(PipConfiguration())
    with answering(answer) as url, transport.stream(url) as stream:
        assert (stream.start, stream.total, stream.validator) == (0, None, None)
        assert b"".join(stream.blocks) == b"x" * 100_000
    transport.close()


def test_range_of_what_was_packed_is_not_taken() -> None:
    headers = {"Content_Range": "bytes 50-99/100", "Content_Encoding": "gzip"}
    transport = Transport(PipConfiguration())
    with (
        answering(lambda request: reply(request, 206, b"x" * 50, **headers)) as url,
        pytest.raises(RangeRefused),
        transport.stream(url, 50),
    ):
        pass
    transport.close()


def test_status_stays_with_the_error() -> None:
    with answering(lambda request: reply(request, 418)) as url, pytest.raises(NotServed) as caught:
        text_at(f"{url}/tea?token=s3cret", PipConfiguration())
    assert caught.value.status == 418
    assert caught.value.cause == f"{url}/tea: status 418 I'm a Teapot"
