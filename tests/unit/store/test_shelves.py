"""Entries of the store: made once, whole, noticed when they are damaged, and never in each other's way."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.stores import admitted, sha256_of
from fixtures.wheels import WheelSpec
from lockhouse.errors import BuildError, IntegrityError, StorageError, UnsafeWheel
from lockhouse.store import Store, admitting, unpacking
from lockhouse.store.entries import RECORD
from lockhouse.store.index import INDEX
from lockhouse.store.reserving import Reservations
from lockhouse.store.unpacking import Part
from lockhouse.wheels.wheelfile import Wheel

SPEC = WheelSpec(
    "alpha",
    files={"alpha/__init__.py": "x = 1\n", "alpha/deep/er/data.bin": b"\0\xff", "top.py": ""},
    data={"scripts/tool": "#!python\n", "scripts/other": "#!/bin/sh\n", "data/etc/alpha.toml": "a"},
    console_scripts={"enter": "alpha:main"},
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return SPEC.build(tmp_path / "wheels")


def traces(store: Store) -> list[str]:
    """What lies about beside entries."""
    shelves = store.shelves
    return [path.name for path in shelves.glob(".*-*")] + [path.name for path in shelves.glob(".reserved/*")]


def test_an_entry_holds_every_file_of_the_wheel_and_knows_it(store: Store, wheel: Path) -> None:
    entry = admitted(store, wheel)

    members = {path: data for path, data in SPEC.members().items() if not path.endswith("/RECORD")}
    assert {item.path: (entry.folder / item.path).read_bytes() for item in entry.files} == members
    for item in entry.files:
        found = (entry.folder / item.path).stat()
        assert (item.size, item.mtime_ns, item.inode) == (found.st_size, found.st_mtime_ns, found.st_ino)
    assert (entry.name, entry.version, entry.dist_info) == ("alpha", "1.0", "alpha-1.0.dist-info")
    assert [point.target for point in entry.entry_points] == ["alpha:main"]
    assert entry.rewritten == {"alpha-1.0.data/scripts/tool"}
    assert traces(store) == []


def test_hashes_are_those_of_the_files(store: Store, wheel: Path) -> None:
    for item in (entry := admitted(store, wheel)).files:
        assert sha256_of(entry.folder / item.path) == item.sha256


def test_record_lines_are_kept_ready_and_made_anew_when_they_are_damaged(store: Store, wheel: Path) -> None:
    entry = admitted(store, wheel)
    kept = entry.record()

    assert sorted(line.split(",")[0] for line in kept.splitlines()) == sorted(
        path for path in entry.paths if not path.startswith("alpha-1.0.data/")
    )
    (entry.home / RECORD).write_text("alpha/__init__.py,sha256=lie,1\n")
    assert entry.record() == kept


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_files_are_read_only_whatever_the_umask(store: Store, wheel: Path) -> None:
    before = os.umask(0o077)
    try:
        entry = admitted(store, wheel)
    finally:
        os.umask(before)

    modes = {item.path: stat.S_IMODE((entry.folder / item.path).stat().st_mode) for item in entry.files}
    assert modes.pop("alpha-1.0.data/scripts/tool") == 0o555
    assert modes.pop("alpha-1.0.data/scripts/other") == 0o555
    assert set(modes.values()) == {0o444}


def test_a_wheel_is_unpacked_once(store: Store, wheel: Path) -> None:
    first = admitted(store, wheel)
    wheel.write_bytes(b"gone")

    again = store.admit(wheel, first.sha256)

    assert again.kept.inodes == first.kept.inodes


def test_what_is_not_published_is_no_entry(store: Store) -> None:
    assert store.entry("0" * 64) is None
    assert store.entries() == ()


def damage_by(change: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.chmod(0o644)
        change(path)

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        damage_by(lambda path: path.write_text("x = 2\n")),
        damage_by(lambda path: path.write_text("")),
        lambda path: path.unlink(),
        lambda path: path.rename(path.with_name("elsewhere.py")),
    ],
    ids=["edited", "emptied", "deleted", "renamed"],
)
def test_a_damaged_entry_is_noticed_and_made_anew(store: Store, wheel: Path, damage: Callable[[Path], None]) -> None:
    entry = admitted(store, wheel)
    assert not store.damaged(entry)
    damage(entry.folder / "alpha" / "__init__.py")

    assert store.damaged(entry)
    entry = store.sound({entry.sha256: wheel})[entry.sha256]

    assert not store.damaged(entry)
    assert (entry.folder / "alpha" / "__init__.py").read_text() == "x = 1\n"
    assert traces(store) == []


def test_an_edit_in_the_instant_of_unpacking_is_noticed(store: Store, wheel: Path) -> None:
    entry = admitted(store, wheel)
    path = entry.folder / "alpha" / "__init__.py"
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(b"y")  # same size, same inode, and perhaps the same tick of the file system's clock

    assert store.damaged(entry)


@pytest.mark.parametrize("cut", [0, 10, -1])
def test_an_index_that_was_not_written_whole_is_no_entry(store: Store, wheel: Path, cut: int) -> None:
    entry = admitted(store, wheel)
    index = entry.home / INDEX
    index.write_bytes(index.read_bytes()[:cut])

    assert store.entry(entry.sha256) is None
    assert admitted(store, wheel).paths == entry.paths


def test_entries_that_somebody_frees_before_they_are_used_are_made_again(
    store: Store, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_all, times = Store._make_all, 2
    freed: list[Path] = []
    entry = admitted(store, wheel)
    store.discard(entry.home)

    def freeing(*args: Any) -> None:
        make_all(*args)
        if len(freed) < times:
            freed.append(entry.home)
            store.discard(entry.home)

    monkeypatch.setattr(Store, "_make_all", freeing)
    assert admitted(store, wheel).paths == entry.paths
    store.discard(entry.home)
    times = 1000
    with pytest.raises(StorageError, match="go as soon as they are there"):
        admitted(store, wheel)


@pytest.mark.parametrize("step", ["before", "while it is unpacked"])
def test_a_wheel_that_is_gone_cannot_be_read(
    store: Store, wheel: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = sha256_of(wheel)
    if step == "before":
        wheel.unlink()
    else:
        real = unpacking.parts_of

        def parts_of(found: Wheel) -> list[Part]:
            wheel.unlink()
            return real(found)

        monkeypatch.setattr(admitting, "parts_of", parts_of)
    with pytest.raises(StorageError, match=f"cannot read .*{wheel.name}"):
        store.admit(wheel, sha256)
    assert store.entries() == ()


def test_an_edited_index_is_no_entry(store: Store, wheel: Path) -> None:
    entry = admitted(store, wheel)
    index = entry.home / INDEX
    index.write_bytes(index.read_bytes().replace(b"alpha:main", b"alpha:evil"))

    assert store.entry(entry.sha256) is None


def test_an_entry_from_before_a_power_cut_is_read_as_a_whole_once(store: Store, wheel: Path) -> None:
    entry = admitted(store, wheel)
    index = entry.home / INDEX
    _, _, data = index.read_bytes().partition(b"\n")
    data = data.replace(b'"boot":"%s"' % entry.boot.encode(), b'"boot":"another"')
    index.write_bytes(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
    # What a power cut may leave: the right size and time, and not the right content.
    path = entry.folder / "alpha" / "__init__.py"
    before = path.stat().st_mtime_ns
    path.chmod(0o644)
    path.write_text("\0" * 6)
    os.utime(path, ns=(before, before))
    assert not store.damaged(entry)

    store.sound({entry.sha256: wheel})

    assert path.read_text() == "x = 1\n"


def test_files_of_an_environment_outlive_the_entry(store: Store, wheel: Path, tmp_path: Path) -> None:
    entry = admitted(store, wheel)
    link = tmp_path / "link.py"
    link.hardlink_to(entry.folder / "alpha" / "__init__.py")

    store.remove(entry)

    assert store.entries() == ()
    assert link.read_text() == "x = 1\n"
    assert traces(store) == []


def test_several_threads_admit_the_same_wheels(store: Store, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    wheels = [WheelSpec(f"package{i}", padding=30_000).build(tmp_path / "wheels") for i in range(6)]
    wanted = {sha256_of(wheel): wheel for wheel in wheels}
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: store.admit_all(wanted), range(5)))

    for sha256 in wanted:
        assert len({answer[sha256].kept.inodes[0] for answer in answers}) == 1
        assert not store.damaged(answers[0][sha256])
    assert traces(store) == []


def test_who_waits_for_somebody_that_fails_does_the_work(store: Store, wheel: Path) -> None:
    sha256 = sha256_of(wheel)
    other = Reservations(store.shelves / ".reserved")
    other.folder.mkdir(parents=True)
    assert other.take(sha256)
    done: list[object] = []
    waiting = threading.Thread(target=lambda: done.append(store.admit(wheel, sha256)))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()

    other.give(sha256)
    waiting.join(10)

    assert len(done) == 1


def test_what_a_killed_process_left_goes_when_the_wheel_is_unpacked_again(store: Store, wheel: Path) -> None:
    left = store.shelves / f".unpacking-{sha256_of(wheel)}-dead"
    (left / "files").mkdir(parents=True)

    admitted(store, wheel)

    assert not left.exists()


def test_unpacking_that_is_given_up_ends_soon_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    wheels = [WheelSpec(f"package{i}", padding=30_000).build(tmp_path / "wheels") for i in range(40)]
    given_up = threading.Event()

    def advanced(done: int, total: int) -> None:
        if done * 4 > total:
            given_up.set()

    with pytest.raises(BuildError, match="given up"):
        store.admit_all({sha256_of(wheel): wheel for wheel in wheels}, advanced, given_up)

    assert len(store.entries()) < len(wheels)
    assert traces(store) == []


def test_progress_begins_with_nothing_and_ends_with_all(store: Store, wheel: Path) -> None:
    told: list[tuple[int, int]] = []

    store.admit_all({sha256_of(wheel): wheel}, lambda done, total: told.append((done, total)))

    size = wheel.stat().st_size
    assert told[0] == (0, size)
    assert told[-1] == (size, size)
    assert told == sorted(told)


def rewritten(wheel: Path, member: str, content: bytes) -> Path:
    """Replace a member and nothing else: RECORD still speaks of the old one."""
    with zipfile.ZipFile(wheel) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, content if name == member else data)
    return wheel


def test_a_wheel_that_contradicts_its_record_leaves_nothing(store: Store, wheel: Path) -> None:
    rewritten(wheel, "alpha/__init__.py", b"x = 2\n")

    with pytest.raises(IntegrityError, match=r"alpha/__init__\.py"):
        admitted(store, wheel)

    assert store.entries() == ()
    assert traces(store) == []


def test_one_bad_wheel_does_not_undo_the_others(store: Store, wheel: Path, tmp_path: Path) -> None:
    good = WheelSpec("good").build(tmp_path / "wheels")
    rewritten(wheel, "alpha/__init__.py", b"x = 2\n")
    admitted(store, good)

    with pytest.raises(IntegrityError):
        store.admit_all({sha256_of(path): path for path in (good, wheel)})

    assert [entry.name for entry in store.entries()] == ["good"]


def test_a_member_that_its_header_calls_otherwise_is_refused(store: Store, wheel: Path) -> None:
    data = wheel.read_bytes()
    wheel.write_bytes(data.replace(b"top.py", b"tip.py", 1))

    with pytest.raises(UnsafeWheel):
        admitted(store, wheel)
