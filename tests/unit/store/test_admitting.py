"""Admitting many wheels at once: in processes and in threads, whatever becomes of who does it."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from fixtures.stores import no_locks, sha256_of
from fixtures.wheels import WheelSpec
from lockhouse import cores, sharing
from lockhouse.errors import BuildError, IntegrityError, StorageError
from lockhouse.store import Store, admitting, unpacking
from lockhouse.store.reserving import Reservations

WHEELS = 12


@pytest.fixture(params=["processes", "threads"])
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small jobs for four, some wheels in parts; in processes also where tests themselves run beside a thread."""
    monkeypatch.setattr(admitting, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(admitting, "MANY", 1)
    monkeypatch.setattr(admitting, "LARGE", 20_000)
    monkeypatch.setattr(admitting, "JOB_FILES", 4)
    monkeypatch.setattr(cores, "_cores", lambda: 4)
    forking = request.param == "processes"
    if forking and sys.platform != "linux":
        pytest.skip("only Linux is forked on")
    for module in (cores, sharing):
        monkeypatch.setattr(module, "can_fork", lambda: forking)
    return str(request.param)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def wheels(tmp_path: Path) -> dict[str, Path]:
    """Every third of them is large."""
    made = [
        WheelSpec(
            f"package{number}",
            files={f"package{number}/{part}/m{index}.py": f"{number}{index}" for part in "ab" for index in range(9)},
            padding=30_000 if number % 3 == 0 else 0,
            console_scripts={f"run{number}": f"package{number}:main"},
        ).build(tmp_path / "wheels")
        for number in range(WHEELS)
    ]
    return {sha256_of(wheel): wheel for wheel in made}


def spoil(wheel: Path) -> None:
    """Change the last Python file of a wheel, and not its RECORD."""
    with zipfile.ZipFile(wheel) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    victim = [info.filename for info, _ in members if info.filename.endswith(".py")][-1]
    with zipfile.ZipFile(wheel, "w") as archive:
        for info, data in members:
            archive.writestr(info, bytes(byte ^ 1 for byte in data) if info.filename == victim else data)


def traces(store: Store) -> list[str]:
    """What is left of work that is over."""
    drafts = [*store.shelves.glob(".unpacking-*"), *store.shelves.glob(".trash-*")]
    return [path.name for path in (*drafts, *(store.shelves / ".reserved").iterdir())]


def check(store: Store, wheels: dict[str, Path]) -> None:
    """All wheels are there, with all of their files, and nothing else."""
    for sha256, wheel in wheels.items():
        entry = store.entry(sha256)
        assert entry is not None
        with zipfile.ZipFile(wheel) as archive:
            names = {info.filename for info in archive.infolist() if not info.filename.endswith("/RECORD")}
            assert set(entry.paths) == names
            assert all((entry.folder / name).read_bytes() == archive.read(name) for name in names)
        assert not store.damaged(entry)
    assert traces(store) == []


@pytest.mark.usefixtures("ways")
def test_all_wheels_come_whole_and_progress_is_told(store: Store, wheels: dict[str, Path]) -> None:
    told: list[tuple[int, int]] = []
    entries = store.admit_all(wheels, lambda done, total: told.append((done, total)))
    check(store, wheels)
    assert entries.keys() == wheels.keys()
    total = sum(wheel.stat().st_size for wheel in wheels.values())
    assert told == sorted(told)
    assert (told[0], told[-1]) == ((0, total), (total, total))
    assert len({done for done, _ in told}) > 2


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize("place", [0, 1])
def test_a_wheel_that_is_not_what_it_says_is_named_and_nothing_of_it_is_left(
    store: Store, wheels: dict[str, Path], place: int
) -> None:
    victim = list(wheels)[place]
    spoil(wheels[victim])
    with pytest.raises(IntegrityError, match=f"package{place}"):
        store.admit_all(wheels)
    assert store.entry(victim) is None
    assert not any(store.damaged(entry) for entry in store.entries())
    assert traces(store) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is forked on")
@pytest.mark.parametrize("ways", ["processes"], indirect=True)
@pytest.mark.parametrize("deadly", [1, 7, 30])
def test_what_killed_helpers_began_is_done_all_the_same(
    ways: str, store: Store, wheels: dict[str, Path], deadly: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, seal, sealed = os.getpid(), unpacking._seal, []

    def kill(file: int | str, part: unpacking.Part, sha256: str) -> object:
        sealed.append(part)
        if os.getpid() != here and len(sealed) == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if os.getpid() == here and len(sealed) == 1:
            signal.sigtimedwait([], 0.05)  # so that the helpers have their turn
        return seal(file, part, sha256)

    monkeypatch.setattr(unpacking, "_seal", kill)
    store.admit_all(wheels)
    check(store, wheels)


@pytest.mark.usefixtures("ways")
def test_a_full_disk_is_told_and_nothing_is_left(
    store: Store, wheels: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = os.write, []

    def refused(handle: int, data: bytes) -> int:
        written.append(handle)
        if b"package" in os.fsencode(Path(f"/proc/self/fd/{handle}").readlink()) and len(written) > 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, data)

    if sys.platform != "linux":
        pytest.skip("the name of an open file is Linux's to tell")
    monkeypatch.setattr(os, "write", refused)
    with pytest.raises(StorageError, match="cannot write"):
        store.admit_all(wheels)
    monkeypatch.setattr(os, "write", write)
    assert traces(store) == []
    store.admit_all(wheels)
    check(store, wheels)


@pytest.mark.usefixtures("ways")
def test_an_interrupt_leaves_nothing_half_done(
    store: Store, wheels: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(done: int, total: int) -> None:
        if done * 3 > total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.admit_all(wheels, interrupted)
    assert traces(store) == []
    assert not any(store.damaged(entry) for entry in store.entries())
    store.admit_all(wheels)
    check(store, wheels)


@pytest.mark.usefixtures("ways")
def test_what_somebody_else_makes_is_left_to_him(store: Store, wheels: dict[str, Path]) -> None:
    other = Reservations(store.shelves / ".reserved")
    other.folder.mkdir(parents=True)
    taken = list(wheels)[:2]
    assert all(other.take(sha256) for sha256 in taken)
    waits, waited = Reservations.wait, []

    def wait(self: Reservations, sha256: str, given_up: threading.Event) -> None:
        waited.append(sha256)
        assert store.entry(sha256) is None
        assert len(store.entries()) == len(wheels) - len(taken)
        other.give_all()
        waits(self, sha256, given_up)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reservations, "wait", wait)
        store.admit_all(wheels)
    assert waited == taken[:1] or waited == taken
    check(store, wheels)


@pytest.mark.usefixtures("ways")
@pytest.mark.usefixtures("ways")
@pytest.mark.skipif(sys.platform == "win32", reason="another call there")
def test_where_there_are_no_locks_the_drafts_of_others_are_left_to_them(
    store: Store, wheels: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts = [store.shelves / f".unpacking-{sha256}-0123" / "files" for sha256 in wheels]
    for draft in drafts:
        draft.mkdir(parents=True)
    monkeypatch.setattr("fcntl.flock", no_locks)

    assert store.admit_all(wheels).keys() == wheels.keys()

    assert all(draft.is_dir() for draft in drafts)
    assert not list((store.shelves / ".reserved").iterdir())


def test_it_can_be_given_up(store: Store, wheels: dict[str, Path]) -> None:
    given_up = threading.Event()

    def advanced(done: int, total: int) -> None:
        if done:
            given_up.set()

    with pytest.raises(BuildError, match="given up"):
        store.admit_all(wheels, advanced, given_up)
    assert traces(store) == []
