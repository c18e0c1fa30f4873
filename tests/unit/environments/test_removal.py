"""Removing what lockhouse made: all of it, on all cores, whatever happens to who helps."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from lockhouse import cores
from lockhouse.environments import removal
from lockhouse.environments.removal import remove_tree
from lockhouse.errors import StorageError

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


@pytest.fixture(autouse=True)
def several_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have helpers take part in a tree of any size, also where tests run in several processes."""
    monkeypatch.setattr(cores, "_cores", lambda: 3)
    monkeypatch.setattr(removal, "WORTH_A_PROCESS", 1)
    beside = threading.active_count()
    monkeypatch.setattr(threading, "active_count", lambda active=threading.active_count: active() - beside + 1)


def grow(root: Path, *, wide: int = 6, deep: int = 3) -> Path:
    """Make a tree with files in every folder."""
    root.mkdir()
    for number in range(wide):
        (root / f"file{number}").write_text("x")
    if deep:
        for number in range(wide):
            grow(root / f"folder{number}", wide=wide, deep=deep - 1)
    return root


def test_a_tree_is_removed_with_all_that_is_in_it(tmp_path: Path) -> None:
    remove_tree(grow(tmp_path / "tree"))

    assert not list(tmp_path.iterdir())


def test_links_go_and_what_they_lead_to_stays(tmp_path: Path) -> None:
    kept = grow(tmp_path / "kept", deep=0)
    tree = grow(tmp_path / "tree", deep=1)
    (tree / "folder1" / "link").symlink_to(kept, target_is_directory=True)

    remove_tree(tree)

    assert list(tmp_path.iterdir()) == [kept]
    assert len(list(kept.iterdir())) == 6


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may do everything")
def test_folders_that_are_not_writable_are_opened(tmp_path: Path) -> None:
    tree = grow(tmp_path / "tree", deep=2)
    for folder in [tree, *(path for path in tree.rglob("*") if path.is_dir())]:
        folder.chmod(0o555)

    remove_tree(tree)

    assert not list(tmp_path.iterdir())


def test_what_a_killed_helper_left_is_removed_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parent, unlink = os.getpid(), os.unlink

    def die(*arguments: object, **options: object) -> None:
        unlink(*arguments, **options)  # type: ignore[arg-type]
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(os, "unlink", die)
    monkeypatch.setattr(os, "supports_dir_fd", {*os.supports_dir_fd, die})

    remove_tree(grow(tmp_path / "tree"))

    assert not list(tmp_path.iterdir())


def test_what_does_not_go_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = os.unlink

    def refuse(path: str, **options: int) -> None:
        if path == "file3":
            raise PermissionError(1, "Operation not permitted", path)
        unlink(path, **options)

    monkeypatch.setattr(os, "unlink", refuse)
    monkeypatch.setattr(os, "supports_dir_fd", {*os.supports_dir_fd, refuse})
    tree = grow(tmp_path / "tree", deep=1)

    with pytest.raises(StorageError) as caught:
        remove_tree(tree)

    assert "file3: Operation not permitted" in str(caught.value.cause)
    assert str(tree) in str(caught.value.cause)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is forked on")
def test_several_processes_take_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty, log = removal._empty, tmp_path / "log"

    def noted(folders: list[tuple[str, list[str]]]) -> list[str]:
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        signal.sigtimedwait([], 0.01)  # so that one does not take all of it
        return empty(folders)

    monkeypatch.setattr(removal, "_empty", noted)

    remove_tree(grow(tmp_path / "tree"))

    assert len(set(log.read_text().split())) > 1
