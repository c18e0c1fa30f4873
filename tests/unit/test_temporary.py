"""Folders in the system's temporary folder, and the notes by which the next run finds them."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from lockhouse.errors import StorageError
from lockhouse.temporary import clear_noted, temporary_folder


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's temporary folder."""
    folder = tmp_path / "system"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_folder_and_note_go_when_the_block_ends(system: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with temporary_folder("check", notes) as folder:
        assert [note.name for note in notes.iterdir()] == [folder.name]
        (folder / "below").mkdir()
    assert list(system.iterdir()) == list(notes.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="who may enter is decided differently there")
def test_nobody_else_can_enter(system: Path) -> None:
    with temporary_folder("pages", None) as folder:
        assert folder.parent == system
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_where_no_note_can_be_written_there_is_none(system: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with temporary_folder("check", tmp_path / "file" / "notes") as folder:
        assert folder.is_dir()
    assert list(system.iterdir()) == []


def test_system_without_a_temporary_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(StorageError, match="none"), temporary_folder("check", None):
        pass


def test_what_is_noted_is_cleared_and_nothing_else(system: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    name = "lockhouse-check-0123456789abcdef"
    for entry in (name, "precious", "lockhouse-host-x", f"{name}x"):
        (system / entry).mkdir()
        (notes / entry).touch()
    (notes / "lockhouse-pages-0123456789abcdef").touch()  # whose folder went with a reboot
    assert clear_noted(notes) == (name, "lockhouse-pages-0123456789abcdef")
    assert sorted(entry.name for entry in system.iterdir()) == sorted(["precious", "lockhouse-host-x", f"{name}x"])


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_links_are_not_followed(system: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    notes = tmp_path / "notes"
    notes.mkdir()
    name = "lockhouse-check-0123456789abcdef"
    (notes / name).touch()
    (system / name).symlink_to(precious)
    clear_noted(notes)
    assert precious.is_dir()
