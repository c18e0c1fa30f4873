"""pip's configuration, read as pip reads it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lockhouse.errors import UsageError
from lockhouse.wheels.configuration import (
    PipConfiguration,
    configuration_files,
    credentials_for,
    read_pip_configuration,
    shown_url,
    without_credentials,
)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": str(tmp_path / "etc")}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def user_file(environ: dict[str, str]) -> Path:
    return Path(environ["HOME"], ".config", "pip", "pip.conf")


def read(environ: dict[str, str], prefix: str = "/nowhere") -> PipConfiguration:
    return read_pip_configuration(environ, platform="linux", prefix=prefix, root=environ["HOME"])


def test_nothing_configured_means_no_index_of_our_own(environ: dict[str, str]) -> None:
    assert read(environ) == PipConfiguration()
    assert read(environ).indexes == ()


def test_every_option_is_read_from_a_file(environ: dict[str, str]) -> None:
    write(
        user_file(environ),
        """[global]
index-url = https://index.example/simple
extra-index-url =
    https://one.example/simple
    https://two.example/simple
find_links = /wheels ~/more
no-index = false
cert = /etc/bundle.pem
client-cert = /etc/me.pem
proxy = http://proxy.example:3128
trusted-host = one.example two.example:8443
timeout = 60
retries = 2
""",
    )
    assert read(environ) == PipConfiguration(
        index_url="https://index.example/simple",
        extra_index_urls=("https://one.example/simple", "https://two.example/simple"),
        find_links=("/wheels", str(Path("~/more").expanduser())),
        cert="/etc/bundle.pem",
        client_cert="/etc/me.pem",
        proxy="http://proxy.example:3128",
        trusted_hosts=("one.example", "two.example:8443"),
        timeout=60.0,
        retries=2,
    )


def test_user_file_wins_over_global_and_site_over_user(environ: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "etc" / "pip" / "pip.conf", "[global]\nindex-url = https://g.example\ntimeout = 1\nretries = 1")
    write(user_file(environ), "[global]\nindex-url = https://u.example\ntimeout = 2")
    assert (read(environ).index_url, read(environ).timeout, read(environ).retries) == ("https://u.example", 2, 1)
    write(tmp_path / "venv" / "pip.conf", "[global]\ntimeout = 3")
    assert read(environ, str(tmp_path / "venv")).timeout == 3


def test_section_of_the_command_wins_over_global_of_any_file(environ: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "etc" / "pip" / "pip.conf", "[install]\ntimeout = 5\n[download]\nretries = 9")
    write(user_file(environ), "[global]\ntimeout = 2\nretries = 2\n[freeze]\ntimeout = 99")
    assert (read(environ).timeout, read(environ).retries) == (5, 9)


def test_variables_win_over_files_and_replace_lists(environ: dict[str, str]) -> None:
    write(user_file(environ), "[download]\nextra-index-url = https://a.example\ntimeout = 2")
    found = read(environ | {"PIP_EXTRA_INDEX_URL": "https://b.example https://c.example", "PIP_DEFAULT_TIMEOUT": "7"})
    assert found.extra_index_urls == ("https://b.example", "https://c.example")
    assert found.timeout == 7


def test_empty_values_count_as_absent(environ: dict[str, str]) -> None:
    write(user_file(environ), "[global]\nindex-url = https://a.example\n[install]\nindex-url =\n")
    assert read(environ | {"PIP_INDEX_URL": " "}).index_url == "https://a.example"


def test_null_device_switches_all_files_off(environ: dict[str, str]) -> None:
    write(user_file(environ), "[global]\nindex-url = https://a.example")
    assert read(environ | {"PIP_CONFIG_FILE": os.devnull}).index_url is None


def test_named_file_stands_in_for_the_users(environ: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "etc" / "pip" / "pip.conf", "[global]\nretries = 1")
    write(user_file(environ), "[global]\nindex-url = https://a.example")
    write(tmp_path / "named", "[global]\ntimeout = 9")
    found = read(environ | {"PIP_CONFIG_FILE": str(tmp_path / "named")})
    assert (found.index_url, found.timeout, found.retries) == (None, 9, 1)
    missing = read(environ | {"PIP_CONFIG_FILE": str(tmp_path / "missing")})
    assert missing.index_url == "https://a.example"


def test_no_index_leaves_only_find_links() -> None:
    assert PipConfiguration(index_url="https://a.example", no_index=True, find_links=("/w",)).indexes == ()


def test_indexes_are_in_order_and_once() -> None:
    found = PipConfiguration(index_url="https://a.example", extra_index_urls=("https://b.example", "https://a.example"))
    assert found.indexes == ("https://a.example", "https://b.example")


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_of_other_programs_count_where_pip_names_none(environ: dict[str, str], name: str) -> None:
    assert read(environ | {name: "/ca.pem"}).cert == "/ca.pem"
    assert read(environ | {name: "/ca.pem", "PIP_CERT": "/pip.pem"}).cert == "/pip.pem"


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("no section = 1", "pip.conf"),
        ("[global]\ntimeout = soon", "timeout"),
        ("[global]\ntimeout = -1", "timeout"),
        ("[global]\nno-index = perhaps", "no-index"),
    ],
)
def test_broken_configuration_is_a_usage_error_that_names_the_place(
    environ: dict[str, str], text: str, fragment: str
) -> None:
    write(user_file(environ), text)
    with pytest.raises(UsageError) as caught:
        read(environ)
    assert fragment in f"{caught.value.summary} {caught.value.cause}"


def test_places_on_linux() -> None:
    assert configuration_files({"HOME": "/h"}, platform="linux", prefix="/v") == (
        "/etc/xdg/pip/pip.conf",
        "/etc/pip.conf",
        "/h/.pip/pip.conf",
        "/h/.config/pip/pip.conf",
        "/v/pip.conf",
    )
    assert configuration_files({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, platform="linux", prefix="/v")[3] == (
        "/x/pip/pip.conf"
    )


def test_places_on_macos(tmp_path: Path) -> None:
    home = str(tmp_path)
    assert configuration_files({"HOME": home}, platform="darwin", prefix="/v") == (
        "/Library/Application Support/pip/pip.conf",
        f"{home}/.pip/pip.conf",
        f"{home}/.config/pip/pip.conf",
        "/v/pip.conf",
    )
    (tmp_path / "Library" / "Application Support" / "pip").mkdir(parents=True)
    places = configuration_files({"HOME": home}, platform="darwin", prefix="/v")
    assert places[2] == f"{home}/Library/Application Support/pip/pip.conf"


def test_places_on_windows() -> None:
    environ = {"USERPROFILE": "C:\\Users\\me", "APPDATA": "C:\\Users\\me\\AppData\\Roaming", "PROGRAMDATA": "D:\\Data"}
    assert configuration_files(environ, platform="win32", prefix="C:\\v") == (
        "D:\\Data\\pip\\pip.ini",
        "C:\\Users\\me\\pip\\pip.ini",
        "C:\\Users\\me\\AppData\\Roaming\\pip\\pip.ini",
        "C:\\v\\pip.ini",
    )


def test_credentials_are_taken_out_of_urls() -> None:
    assert without_credentials("https://me:pa%40ss@h.example:8/a?b#c") == "https://h.example:8/a?b#c"
    assert without_credentials("https://h.example/a@b") == "https://h.example/a@b"
    assert without_credentials("/folder/a@b") == "/folder/a@b"
    assert shown_url("https://token@h.example/a?signature=x#c") == "https://h.example/a"
    assert shown_url("/plain/path") == "/plain/path"


def test_credentials_come_from_the_url_then_the_index_of_the_same_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexes = ("https://me:s%3Ae@h.example/simple", "https://token@other.example:8443/simple")
    assert credentials_for("https://you:p@h.example/f", indexes) == ("you", "p")
    assert credentials_for("https://h.example:443/f", indexes) == ("me", "s:e")
    assert credentials_for("https://other.example:8443/f", indexes) == ("token", "")
    assert credentials_for("https://other.example/f", indexes) is None
    assert credentials_for("http://h.example/f", indexes) is None
    netrc = tmp_path / "netrc"
    netrc.write_text("machine files.example login me password p\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert credentials_for("https://files.example/f", indexes) == ("me", "p")
