"""Members of wheels as files: packed and not, small and large, and wrong in every way that inflating can be."""

from __future__ import annotations

import hashlib
import os
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

from fixtures.stores import admitted
from fixtures.wheels import WheelSpec
from lockhouse.errors import IntegrityError, UnsafeWheel
from lockhouse.store import Store, inflating
from lockhouse.store.unpacking import BATCH

NOISE = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(40_000))  # 1.2 MB that do not pack


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(params=["isal", "zlib"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Inflate with either library."""
    inflating._library.cache_clear()
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    else:
        pytest.importorskip("isal")
    return str(request.param)


def stored(wheel: Path) -> Path:
    """Write a wheel's members unpacked."""
    with zipfile.ZipFile(wheel) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return wheel


FILES = {
    "alpha/empty": b"",
    "alpha/one": b"1",
    "alpha/zeros": b"\0" * (BATCH + 12345),
    "alpha/noise": NOISE * 5,
    "alpha/exact": (NOISE * 5)[:BATCH],
    **{f"alpha/small/{i}.py": b"x = %d\n" % i * (i % 50) for i in range(600)},
}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.usefixtures("library")
def test_every_size_of_member_arrives_as_it_is(store: Store, tmp_path: Path, packed: bool) -> None:
    wheel = WheelSpec("alpha", files=FILES).build(tmp_path)
    entry = admitted(store, wheel if packed else stored(wheel))

    for path, content in FILES.items():
        assert (entry.folder / path).read_bytes() == content, path


@pytest.fixture
def names_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system on which open files cannot be read at a place, nor get a time or a mode, as on Windows."""
    by_name = os.utime

    def utime(path: str, *, ns: tuple[int, int]) -> None:
        if isinstance(path, int):
            raise TypeError("utime: path should be string, bytes or os.PathLike, not int")
        by_name(path, ns=ns)

    monkeypatch.setattr(os, "utime", utime)
    monkeypatch.setattr(os, "supports_dir_fd", set())
    for name in ("pread", "fchmod"):
        monkeypatch.delattr(os, name, raising=False)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.usefixtures("names_only")
def test_wheels_are_unpacked_where_calls_take_names_only(store: Store, tmp_path: Path, packed: bool) -> None:
    wheel = WheelSpec("alpha", files=FILES).build(tmp_path)
    before = os.umask(0o077)
    try:
        entry = admitted(store, wheel if packed else stored(wheel))
    finally:
        os.umask(before)

    for path, content in FILES.items():
        assert (entry.folder / path).read_bytes() == content, path
    assert not store.damaged(entry)
    if os.name != "nt":
        assert {(entry.folder / path).stat().st_mode & 0o777 for path in FILES} == {0o444}
    (entry.folder / "alpha" / "one").chmod(0o644)
    (entry.folder / "alpha" / "one").write_bytes(b"2")
    assert store.damaged(entry)
    store.remove(entry)
    assert store.entries() == ()


def sabotage(wheel: Path, member: str, packed: bytes) -> Path:
    """Put other packed data, which must not be longer than what was there, into a member."""
    with zipfile.ZipFile(wheel) as archive:
        info = archive.getinfo(member)
    data = bytearray(wheel.read_bytes())
    name, extra = struct.unpack_from("<HH", data, info.header_offset + 26)
    begin = info.header_offset + 30 + name + extra
    assert len(packed) <= info.compress_size
    data[begin : begin + info.compress_size] = packed.ljust(info.compress_size, b"\0")
    wheel.write_bytes(data)
    return wheel


def deflate(data: bytes) -> bytes:
    made = zlib.compressobj(9, zlib.DEFLATED, -15)
    return made.compress(data) + made.flush()


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.usefixtures("library")
def test_packed_data_that_is_broken_is_refused(store: Store, tmp_path: Path, large: bool) -> None:
    content = NOISE * (5 if large else 1)
    wheel = sabotage(WheelSpec("alpha", files={"alpha/noise": content}).build(tmp_path), "alpha/noise", b"\xff" * 64)

    with pytest.raises((UnsafeWheel, IntegrityError)):
        admitted(store, wheel)

    assert store.entries() == ()


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.usefixtures("library")
def test_packed_data_that_gives_more_than_it_declares_is_refused(store: Store, tmp_path: Path, large: bool) -> None:
    content = NOISE * (5 if large else 1)
    bomb = deflate(b"\0" * (64 << 20))
    wheel = sabotage(WheelSpec("alpha", files={"alpha/noise": content}).build(tmp_path), "alpha/noise", bomb)

    with pytest.raises((UnsafeWheel, IntegrityError)):
        admitted(store, wheel)

    assert store.entries() == ()


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.usefixtures("library")
def test_packed_data_that_gives_less_than_it_declares_is_refused(store: Store, tmp_path: Path, large: bool) -> None:
    content = NOISE * (5 if large else 1)
    wheel = sabotage(
        WheelSpec("alpha", files={"alpha/noise": content}).build(tmp_path), "alpha/noise", deflate(b"short")
    )

    with pytest.raises((UnsafeWheel, IntegrityError)):
        admitted(store, wheel)


def test_an_archive_that_is_cut_off_is_refused(store: Store, tmp_path: Path) -> None:
    from lockhouse.store.unpacking import parts_of, unpack
    from lockhouse.wheels.wheelfile import read_wheel

    wheel = WheelSpec("alpha", files={"alpha.bin": NOISE}).build(tmp_path)
    parts = parts_of(read_wheel(wheel))
    wheel.write_bytes(wheel.read_bytes()[:5000])
    (tmp_path / "draft" / "alpha-1.0.dist-info").mkdir(parents=True)

    with pytest.raises((UnsafeWheel, IntegrityError)):
        unpack(str(wheel), wheel.name, parts, str(tmp_path / "draft"))
