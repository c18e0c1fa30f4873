"""Times of files in the store: decided by their content, so that no memory by time takes one for another."""

from __future__ import annotations

import shutil
from pathlib import Path

from fixtures.stores import admitted
from fixtures.wheels import WheelSpec
from lockhouse.store import Entry, Store
from lockhouse.store.entries import mtime_of
from lockhouse.store.linking import copy


def version(tmp_path: Path, number: str) -> Entry:
    spec = WheelSpec("alpha", number, files={"alpha.py": f"x = '{number}'\n", "same.py": "x = 1\n"})
    return admitted(Store(tmp_path / "store"), spec.build(tmp_path / "wheels"))


def test_other_content_of_the_same_size_has_another_time_and_the_same_the_same(tmp_path: Path) -> None:
    one, two = version(tmp_path, "1.0"), version(tmp_path, "2.0")
    before, after = ((entry.folder / "alpha.py").stat() for entry in (one, two))
    assert before.st_size == after.st_size
    assert int(before.st_mtime) != int(after.st_mtime)
    same = [(entry.folder / "same.py").stat().st_mtime_ns for entry in (one, two)]
    assert same[0] == same[1]


def test_times_follow_from_the_hashes_of_the_index(tmp_path: Path) -> None:
    entry = version(tmp_path, "1.0")
    assert [mtime_of(item.sha256) for item in entry.files] == list(entry.kept.mtimes)
    assert list(entry.kept.mtimes) == [(entry.folder / path).stat().st_mtime_ns for path in entry.paths]


def test_another_version_in_its_place_with_its_time_is_damage(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    one, two = version(tmp_path, "1.0"), version(tmp_path, "2.0")
    assert not store.damaged(one)
    victim = one.folder / "alpha.py"
    victim.chmod(0o644)
    inode = victim.stat().st_ino
    shutil.copyfile(two.folder / "alpha.py", victim)
    shutil.copystat(two.folder / "alpha.py", victim)
    assert victim.stat().st_ino == inode
    assert store.damaged(one)


def test_a_copy_has_the_time_of_its_original(tmp_path: Path) -> None:
    original = version(tmp_path, "1.0").folder / "alpha.py"
    copy(str(original), str(tmp_path / "copy.py"), 0o644)
    assert (tmp_path / "copy.py").stat().st_mtime_ns == original.stat().st_mtime_ns
