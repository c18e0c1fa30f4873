"""Hosts that may not be added to."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.hosts import make_host
from lockhouse.errors import HostManaged, StorageError
from lockhouse.hosts.conditions import check_host
from lockhouse.hosts.taking import managed_by


def test_what_belongs_to_the_systems_package_manager_is_respected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = make_host(tmp_path / "host").inventory()
    check_host(inventory)
    with pytest.raises(HostManaged) as caught:
        check_host(replace(inventory, managed="use apt"))
    assert caught.value.cause == "use apt"
    assert caught.value.exit_status == 2
    monkeypatch.setenv("PIP_BREAK_SYSTEM_PACKAGES", "1")
    check_host(replace(inventory, managed="use apt"))


def test_the_owners_words_are_read_as_pep_668_has_them(tmp_path: Path) -> None:
    marker = tmp_path / "EXTERNALLY-MANAGED"
    assert managed_by("/usr", "/usr", str(tmp_path)) is None
    marker.write_text("[externally-managed]\nError=Use apt.\n\n  Really: 100%.\n")
    assert managed_by("/usr", "/usr", str(tmp_path)) == "Use apt.\n\nReally: 100%."
    assert managed_by("/home/me/venv", "/usr", str(tmp_path)) is None
    marker.write_bytes(b"no \xff ini")
    assert managed_by("/usr", "/usr", str(tmp_path)) == ""


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="this user may write everywhere")
def test_what_cannot_be_written_to_is_said_before_anything_is_built(tmp_path: Path) -> None:
    host = make_host(tmp_path / "host")
    host.packages.chmod(0o555)
    try:
        with pytest.raises(StorageError, match="nothing can be added"):
            check_host(host.inventory())
    finally:
        host.packages.chmod(0o755)


def test_a_host_without_a_folder_for_distributions_is_an_error(tmp_path: Path) -> None:
    inventory = make_host(tmp_path / "host").inventory()
    places = {**inventory.places, "purelib": str(tmp_path / "nothing")}
    with pytest.raises(StorageError) as caught:
        check_host(replace(inventory, places=places))
    assert "does not exist" in str(caught.value.cause)
