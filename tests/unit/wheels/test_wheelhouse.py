"""The wheelhouse and its memory of hashes."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from fixtures.wheels import build_wheel
from lockhouse.errors import StorageError, UnsafeWheel
from lockhouse.state import current_boot
from lockhouse.wheels.wheelhouse import Wheelhouse


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    wheelhouse = Wheelhouse(tmp_path / "missing")
    assert wheelhouse.files() == ()
    assert not wheelhouse.holds("a-1.0-py3-none-any.whl", "00" * 32)
    assert not (tmp_path / "missing").exists()
    with pytest.raises(StorageError):
        wheelhouse.sha256(wheelhouse.path("a-1.0-py3-none-any.whl"))


def test_wheel_is_held_only_with_its_hash(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "a")
    wheelhouse = Wheelhouse(tmp_path)
    assert wheelhouse.holds(wheel.name, sha256(wheel))
    assert not wheelhouse.holds(wheel.name, "00" * 32)
    assert not wheelhouse.holds(wheel.name, "")
    assert wheelhouse.files() == (wheel,)


def test_known_hash_costs_no_reading(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "a")
    digest = Wheelhouse(tmp_path).sha256(wheel)
    memory = tmp_path / ".hashes.json"
    memory.write_text(memory.read_text().replace(digest, "ab" * 32))  # what is remembered is what is answered
    assert Wheelhouse(tmp_path).sha256(wheel) == "ab" * 32


def test_changed_file_is_hashed_again_even_if_size_and_time_are_restored(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "a")
    wheelhouse = Wheelhouse(tmp_path)
    before, status = wheelhouse.sha256(wheel), wheel.stat()
    data = bytearray(wheel.read_bytes())
    data[-1] ^= 1
    wheel.write_bytes(data)
    os.utime(wheel, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert wheelhouse.sha256(wheel) == hashlib.sha256(data).hexdigest() != before


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"schema": "lockhouse.wheelhouse/9", "files": {}}'])
def test_damaged_memory_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    wheel = build_wheel(tmp_path, "a")
    (tmp_path / ".hashes.json").write_bytes(damage)
    assert Wheelhouse(tmp_path).sha256(wheel) == sha256(wheel)
    assert (tmp_path / ".hashes.json").read_bytes() != damage


def test_memory_forgets_what_is_gone(tmp_path: Path) -> None:
    gone, stays = build_wheel(tmp_path, "gone"), build_wheel(tmp_path, "stays")
    Wheelhouse(tmp_path).sha256(gone)
    gone.unlink()
    Wheelhouse(tmp_path).sha256(stays)
    assert "gone" not in (tmp_path / ".hashes.json").read_text()


def test_memory_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "a")
    (tmp_path / ".hashes.json").mkdir()
    assert Wheelhouse(tmp_path).holds(wheel.name, sha256(wheel))


def test_admitted_file_is_at_its_place_and_known(tmp_path: Path) -> None:
    wheelhouse = Wheelhouse(tmp_path / "wheelhouse")
    wheelhouse.partial.mkdir(parents=True)
    arrived = build_wheel(wheelhouse.partial, "a")
    digest = sha256(arrived)
    place = wheelhouse.admit(arrived, "a-1.0-py3-none-any.whl", digest)
    assert not arrived.exists()
    assert wheelhouse.files() == (place,)
    assert wheelhouse.holds(place.name, digest)


@pytest.mark.parametrize("filename", ["", ".", "..", "../a.whl", "a/b.whl", "a\\b.whl", "a\0.whl"])
def test_name_that_leads_elsewhere_is_refused(tmp_path: Path, filename: str) -> None:
    with pytest.raises(UnsafeWheel):
        Wheelhouse(tmp_path).path(filename)


def test_what_many_wheels_are_is_written_once(tmp_path: Path) -> None:
    wheels = [build_wheel(tmp_path, name) for name in ("a", "b", "c")]
    wheelhouse, memory = Wheelhouse(tmp_path), tmp_path / ".hashes.json"
    with wheelhouse.remembering():
        for wheel in wheels:
            assert wheelhouse.holds(wheel.name, sha256(wheel))
        assert not memory.exists()
    assert all(wheel.name in memory.read_text() for wheel in wheels)
    written = memory.stat().st_mtime_ns
    with wheelhouse.remembering():
        assert wheelhouse.holds(wheels[0].name, sha256(wheels[0]))
    assert memory.stat().st_mtime_ns == written


def test_what_was_learnt_before_an_error_is_kept(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "a")
    wheelhouse = Wheelhouse(tmp_path)
    with pytest.raises(StorageError), wheelhouse.remembering():
        wheelhouse.sha256(wheelhouse.path(f"{wheelhouse.sha256(wheel)}.whl"))
    assert wheel.name in (tmp_path / ".hashes.json").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="boots cannot be told apart there: wheels are forced to the disk")
def test_wheel_is_hashed_once_more_after_the_machine_was_started_anew(tmp_path: Path) -> None:
    wheelhouse = Wheelhouse(tmp_path / "wheelhouse")
    wheelhouse.partial.mkdir(parents=True)
    arrived = build_wheel(wheelhouse.partial, "a")
    digest = sha256(arrived)
    place = wheelhouse.admit(arrived, arrived.name, digest)
    memory = wheelhouse.folder / ".hashes.json"
    boot = current_boot()
    forged = memory.read_text().replace(digest, "ab" * 32)
    memory.write_text(forged)
    assert Wheelhouse(wheelhouse.folder).sha256(place) == "ab" * 32
    memory.write_text(forged.replace(boot, "an earlier one"))
    assert Wheelhouse(wheelhouse.folder).sha256(place) == digest
    assert boot not in memory.read_text()  # now it was read from the disk: that is enough for all boots to come
    memory.write_text(memory.read_text().replace(digest, "ab" * 32))
    assert Wheelhouse(wheelhouse.folder).sha256(place) == "ab" * 32


@pytest.mark.skipif(sys.platform != "linux", reason="boots cannot be told apart there: wheels are forced to the disk")
def test_wheel_that_a_power_cut_damaged_is_not_held(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "a")
    digest = Wheelhouse(tmp_path).sha256(wheel)
    status = wheel.stat()
    wheel.write_bytes(bytes(status.st_size))
    memory = tmp_path / ".hashes.json"
    now = wheel.stat()  # the folder's entry came to the disk with all it says, the content did not
    text = memory.read_text().replace(str(status.st_mtime_ns), str(now.st_mtime_ns))
    text = text.replace(str(status.st_ctime_ns), str(now.st_ctime_ns))
    memory.write_text(text)
    assert Wheelhouse(tmp_path).holds(wheel.name, digest)
    memory.write_text(text.replace(current_boot(), "an earlier one"))
    assert not Wheelhouse(tmp_path).holds(wheel.name, digest)
