"""Files of the store in environments: as links where that works, as copies where it does not, never over another."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from lockhouse.events import Event, Message
from lockhouse.store import Store, link_mode, link_tree
from lockhouse.store.cloning import clone
from lockhouse.store.linking import Conflict, LinkMode, Transfer
from lockhouse.store.modes import choose_mode

NAMES = ("a.py", "b.so", "c.txt")
MTIME = 1_000_000_000 * 10**9


@pytest.fixture
def transfer(tmp_path: Path) -> Transfer:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    for name in NAMES:
        (source / name).write_text(name)
        os.utime(source / name, ns=(MTIME, MTIME))
        (source / name).chmod(0o555 if name == "b.so" else 0o444)
    return Transfer(str(source), str(target), NAMES, (0, 0o111, 0))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("relative", [True, False], ids=["names in open folders", "whole paths"])
def test_hard_links_are_the_files_of_the_store(
    transfer: Transfer, relative: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not relative:
        monkeypatch.setattr(os, "supports_dir_fd", os.supports_dir_fd - {os.link})
    assert list(link_tree([transfer], "hardlink")) == []

    for name in NAMES:
        assert Path(transfer.target, name).samefile(Path(transfer.source, name))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_copies_are_files_of_their_own_with_the_time_of_the_store(transfer: Transfer) -> None:
    before = os.umask(0o077)
    try:
        assert list(link_tree([transfer], "copy")) == []
    finally:
        os.umask(before)

    for name in NAMES:
        path = Path(transfer.target, name)
        assert path.read_text() == name
        assert not path.samefile(Path(transfer.source, name))
        assert path.stat().st_mtime_ns == MTIME
    assert [mode_of(Path(transfer.target, name)) for name in NAMES] == [0o644, 0o755, 0o644]


def test_clones_are_files_of_their_own_where_there_are_any(transfer: Transfer) -> None:
    try:
        clone(f"{transfer.source}/a.py", f"{transfer.target}/trial", 0o644)
    except OSError:
        assert not Path(transfer.target, "trial").exists()
        pytest.skip("this file system cannot clone")
    assert list(link_tree([transfer], "clone")) == []
    assert [mode_of(Path(transfer.target, name)) for name in NAMES] == [0o644, 0o755, 0o644]


@pytest.mark.parametrize("mode", ["hardlink", "copy"])
def test_what_is_there_already_stays_and_is_told(transfer: Transfer, mode: LinkMode) -> None:
    Path(transfer.target, "b.so").write_text("another's")

    conflicts = list(link_tree([transfer], mode))

    assert conflicts == [Conflict(transfer.source, transfer.target, "b.so")]
    assert Path(transfer.target, "b.so").read_text() == "another's"
    assert Path(transfer.target, "c.txt").read_text() == "c.txt"


@pytest.mark.parametrize("number", [errno.EMLINK, errno.EXDEV, errno.EPERM])
def test_a_file_that_cannot_be_linked_is_copied(transfer: Transfer, number: int) -> None:
    def link(source: str, target: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        if source.endswith("b.so"):
            raise OSError(number, os.strerror(number), target)
        os.link(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    assert list(link_tree([transfer], "hardlink", link=link)) == []

    assert Path(transfer.target, "a.py").samefile(Path(transfer.source, "a.py"))
    assert not Path(transfer.target, "b.so").samefile(Path(transfer.source, "b.so"))
    assert Path(transfer.target, "b.so").read_text() == "b.so"
    assert os.access(Path(transfer.target, "b.so"), os.X_OK)


def test_a_disk_that_refuses_is_no_reason_to_copy(transfer: Transfer) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        list(link_tree([transfer], "hardlink", link=link))


def test_a_source_that_is_gone_is_an_error(transfer: Transfer) -> None:
    Path(transfer.source, "b.so").unlink()

    with pytest.raises(FileNotFoundError):
        list(link_tree([transfer], "hardlink"))


def test_the_mode_is_decided_by_trying_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    assert link_mode(tmp_path / "a", tmp_path / "b") in ("clone", "hardlink")
    assert link_mode(tmp_path / "a", tmp_path / "b", "hardlink") == "hardlink"
    assert link_mode(tmp_path / "a", tmp_path / "b", "copy") == "copy"
    assert list(tmp_path.rglob("*")) == [tmp_path / "a", tmp_path / "b"] or not list(tmp_path.rglob(".trial*"))


def another_file_system(than: Path) -> Path | None:
    shared = Path("/dev/shm")
    return shared if shared.is_dir() and shared.stat().st_dev != than.stat().st_dev else None


def test_between_two_file_systems_files_are_copied(tmp_path: Path) -> None:
    other = another_file_system(tmp_path)
    if other is None:
        pytest.skip("there is no second file system")
    import tempfile

    with tempfile.TemporaryDirectory(dir=other) as folder:
        assert link_mode(tmp_path, Path(folder)) == "copy"
        Path(tmp_path, "a.py").write_text("x")
        transfer = Transfer(str(tmp_path), folder, ("a.py",), [0])
        assert list(link_tree([transfer], "hardlink")) == []
        assert Path(folder, "a.py").read_text() == "x"


def test_the_decision_is_kept_in_the_store(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.shelves.mkdir(parents=True)
    decided = choose_mode(store, tmp_path)
    (record,) = (store.shelves / "modes").iterdir()
    assert record.read_text() == f"{decided}\n"

    record.write_text("copy\n")
    assert choose_mode(store, tmp_path) == "copy"

    record.write_text("by magic\n")
    assert choose_mode(store, tmp_path) == decided


def test_a_wish_that_cannot_be_granted_is_told(tmp_path: Path) -> None:
    other = another_file_system(tmp_path)
    if other is None:
        pytest.skip("there is no second file system")
    store = Store(tmp_path / "store")
    store.shelves.mkdir(parents=True)
    events: list[Event] = []

    assert choose_mode(store, other, "hardlink", events.append) == "copy"
    assert choose_mode(store, other, "hardlink", events.append) == "copy"

    texts = [event.text for event in events if isinstance(event, Message)]
    assert len(texts) == 2
    assert all("hardlink" in text for text in texts)
