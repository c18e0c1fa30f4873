"""What the store lets go of: what nobody uses, and nothing else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fixtures.stores import admitted, no_locks
from fixtures.wheels import WheelSpec
from lockhouse.store import Entry, Store
from lockhouse.store.freeing import find_unused, free_unused, register_use
from lockhouse.store.linking import LinkMode
from lockhouse.store.placements import Placement, write_placements
from lockhouse.store.reserving import Reservations


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def entry(store: Store, tmp_path: Path) -> Entry:
    return admitted(store, WheelSpec("alpha", padding=10_000).build(tmp_path))


def place(generation: Path, entry: Entry, *, linked: bool) -> None:
    generation.mkdir(parents=True)
    for item in entry.files:
        path = generation / item.path.replace("/", "-")
        if linked:
            path.hardlink_to(entry.folder / item.path)
        else:
            path.write_bytes((entry.folder / item.path).read_bytes())
    mode: LinkMode = "hardlink" if linked else "copy"
    write_placements(generation, [Placement(sha256=entry.sha256, mode=mode, root="lib", data={})])


def test_an_entry_that_nobody_uses_is_freed_with_its_size(store: Store, entry: Entry) -> None:
    (found,) = find_unused(store)
    assert found.path == entry.home
    assert found.size >= entry.size

    assert free_unused(store) == (found,)
    assert store.entries() == ()
    assert find_unused(store) == ()


@pytest.mark.parametrize("linked", [True, False])
def test_what_a_registered_generation_is_made_of_stays(
    store: Store, entry: Entry, tmp_path: Path, linked: bool
) -> None:
    place(tmp_path / "generations" / "0001", entry, linked=linked)
    register_use(store, tmp_path / "generations")

    assert free_unused(store) == ()
    assert store.entry(entry.sha256) is not None


def test_what_is_linked_from_where_nobody_knows_stays(store: Store, entry: Entry, tmp_path: Path) -> None:
    place(tmp_path / "elsewhere", entry, linked=True)

    assert free_unused(store) == ()


@pytest.mark.parametrize("linked", [True, False])
def test_what_only_going_generations_use_would_be_freed(
    store: Store, entry: Entry, tmp_path: Path, linked: bool
) -> None:
    generation = tmp_path / "generations" / "0001"
    place(generation, entry, linked=linked)
    register_use(store, tmp_path / "generations")

    assert [item.path for item in find_unused(store, going={generation})] == [entry.home]


def test_a_project_that_is_gone_is_forgotten(store: Store, entry: Entry, tmp_path: Path) -> None:
    register_use(store, tmp_path / "generations")

    assert [item.path for item in free_unused(store)] == [entry.home]
    assert list((store.shelves / "users").iterdir()) == []


def test_an_entry_that_cannot_be_read_is_freed(store: Store, entry: Entry) -> None:
    (entry.home / "index").write_text("")

    assert [item.path for item in free_unused(store)] == [entry.home]


def test_two_who_free_the_same_do_not_disturb_each_other(
    store: Store, entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_use(store, tmp_path / "gone")
    real = os.lstat

    def lstat(path: str) -> os.stat_result:
        free_unused(other)
        return real(path)

    other = Store(store.folder)
    with monkeypatch.context() as during:
        seen = iter([True])
        during.setattr(os, "lstat", lambda path, **_: lstat(path) if next(seen, False) else real(path))
        assert free_unused(store) == ()
    assert store.entries() == ()
    assert free_unused(store) == ()


def test_drafts_of_dead_processes_are_freed_and_those_of_living_ones_are_not(store: Store) -> None:
    living, dead = "a" * 64, "b" * 64
    for sha256 in (living, dead):
        (store.shelves / f".unpacking-{sha256}-0123" / "files").mkdir(parents=True)
    (store.shelves / ".trash-4567").mkdir()
    reservations = Reservations(store.shelves / ".reserved")
    reservations.folder.mkdir()
    assert reservations.take(living)

    freed = {item.path.name for item in free_unused(store)}

    assert freed == {f".unpacking-{dead}-0123", ".trash-4567"}
    assert (store.shelves / f".unpacking-{living}-0123").is_dir()
    assert [path.name for path in reservations.folder.iterdir()] == [living]


@pytest.mark.skipif(sys.platform == "win32", reason="another call there")
def test_where_there_are_no_locks_drafts_are_freed_when_they_are_old(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    young, old = (store.shelves / f".unpacking-{letter * 64}-0123" for letter in "ab")
    for draft in (young, old):
        (draft / "files").mkdir(parents=True)
    os.utime(old, (0, 0))
    (store.shelves / ".reserved").mkdir()
    monkeypatch.setattr("fcntl.flock", no_locks)

    assert [item.path for item in free_unused(store)] == [old]
    assert young.is_dir()
    assert not list((store.shelves / ".reserved").iterdir())
