"""Passwords from a keyring: a package of that name on the path, or a command, as a user has them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lockhouse.wheels.configuration import PipConfiguration
from lockhouse.wheels.keyring import with_keyring

INDEX = PipConfiguration(index_url="https://me@h.example/simple", extra_index_urls=("https://other.example/simple",))

PACKAGE = """
class Credential:
    username, password = {username!r}, "p@ss"

def get_credential(service, username):
    if service == "locked.example":
        raise RuntimeError("nobody is there to unlock it")
    return Credential if service in {services!r} else None
"""


@pytest.fixture(autouse=True)
def _no_keyring_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setitem(sys.modules, "keyring", None)


def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *services: str, username: str = "me") -> None:
    monkeypatch.delitem(sys.modules, "keyring")
    (tmp_path / "keyring.py").write_text(PACKAGE.format(services=services, username=username))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "keyring", __import__("keyring"))


def command(tmp_path: Path, script: str) -> None:
    path = tmp_path / "bin" / "keyring"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_without_a_keyring_nothing_changes() -> None:
    assert with_keyring(INDEX) == INDEX


@pytest.mark.parametrize("service", ["https://h.example/simple", "h.example"])
def test_package_is_asked_for_the_address_and_for_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    package(tmp_path, monkeypatch, service)
    assert with_keyring(INDEX).index_url == "https://me:p%40ss@h.example/simple"


@pytest.mark.skipif(sys.platform == "win32", reason="the command is a shell script")
def test_command_is_asked_where_there_is_no_package(tmp_path: Path) -> None:
    command(tmp_path, '[ "$*" = "get https://h.example/simple me" ] && echo s3cret')
    assert with_keyring(INDEX).index_url == "https://me:s3cret@h.example/simple"


@pytest.mark.skipif(sys.platform == "win32", reason="the command is a shell script")
def test_command_that_fails_has_no_answer(tmp_path: Path) -> None:
    command(tmp_path, "echo no; exit 1")
    assert with_keyring(INDEX) == INDEX


def test_address_without_a_user_is_asked_about_only_if_a_provider_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path, monkeypatch, "other.example", username="them")
    assert with_keyring(INDEX) == INDEX
    chosen = with_keyring(replace(INDEX, keyring_provider="import"))
    assert chosen.extra_index_urls == ("https://them:p%40ss@other.example/simple",)
    assert with_keyring(replace(INDEX, keyring_provider="disabled")).extra_index_urls == INDEX.extra_index_urls


def test_keyring_that_is_locked_or_does_not_know_is_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path, monkeypatch)
    locked = PipConfiguration(index_url="https://me@locked.example/simple")
    assert with_keyring(locked) == locked


def test_password_in_the_configuration_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, monkeypatch, "h.example")
    own = PipConfiguration(index_url="https://me:own@h.example/simple", find_links=("/wheels",))
    assert with_keyring(own) == own
