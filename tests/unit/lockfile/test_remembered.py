"""The lock as it was read the last time: the same as reading it, and never anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.values import TARGET, passed, plan_of, planned, report_of
from lockhouse.errors import LockUnusable
from lockhouse.lockfile import Lock, lock_from, read_lock, recall_lock, render_lock, write_lock


def make_lock(*names: str) -> Lock:
    plan = plan_of(planned("pip", "25.0", "create"), *(planned(name) for name in names))
    return lock_from(plan, report_of(plan, passed("a")), {"lockhouse": "0.1.0"}, time="2026-01-02T03:04:05Z")


def recall(path: Path, memory: Path, name: str = "demo", variant: str = TARGET.variant) -> Lock | None:
    return recall_lock(path, memory, name=name, variant=variant)


def test_a_lock_is_recalled_as_it_would_be_read(tmp_path: Path) -> None:
    path, memory = tmp_path / "pylock.demo.toml", tmp_path / "state" / "lock.json"
    write_lock(path, make_lock("alpha", "beta"))
    first = recall(path, memory)
    assert memory.is_file()
    assert recall(path, memory) == first == read_lock(path)


def test_what_the_file_says_now_counts_and_not_what_it_said(tmp_path: Path) -> None:
    path, memory = tmp_path / "pylock.demo.toml", tmp_path / "lock.json"
    write_lock(path, make_lock("alpha"))
    recall(path, memory)
    write_lock(path, make_lock("beta"))
    again = recall(path, memory)
    assert again is not None
    assert [item.name for item in again.distributions] == ["pip", "beta"]
    text = render_lock(path, again).decode()
    path.write_text(text.replace('version = "1.0"', 'version = "2.0"'))
    assert path.read_text() != text
    with pytest.raises(LockUnusable):
        recall(path, memory)
    path.unlink()
    assert recall(path, memory) is None


def test_a_damaged_memory_is_none(tmp_path: Path) -> None:
    path, memory = tmp_path / "pylock.demo.toml", tmp_path / "lock.json"
    write_lock(path, make_lock("alpha"))
    memory.write_text("{")
    assert recall(path, memory) == read_lock(path)


def test_local_wheels_are_those_beside_the_lock_that_is_read(tmp_path: Path) -> None:
    wheel = tmp_path / "a" / "wheels" / "alpha-1.0-py3-none-any.whl"
    plan = plan_of(planned("alpha", url=wheel.as_uri()))
    path, memory = tmp_path / "a" / "pylock.demo.toml", tmp_path / "lock.json"
    write_lock(path, lock_from(plan, report_of(plan, passed("a")), {}, time="2026-01-02T03:04:05Z"))
    recall(path, memory)
    (tmp_path / "a").rename(tmp_path / "b")
    moved = recall(tmp_path / "b" / "pylock.demo.toml", memory)
    assert moved is not None
    assert moved.distributions[0].url == (tmp_path / "b" / "wheels" / wheel.name).as_uri()


@pytest.mark.parametrize(("name", "variant"), [("demo-2024", TARGET.variant), ("demo", "cu12.6"), ("other", "cpu")])
def test_the_lock_of_another_manifest_or_variant_is_refused(tmp_path: Path, name: str, variant: str) -> None:
    path, memory = tmp_path / "pylock.demo.toml", tmp_path / "lock.json"
    write_lock(path, make_lock("alpha"))
    for _ in range(2):  # read, and remembered
        with pytest.raises(LockUnusable) as refused:
            recall(path, memory, name, variant)
        assert repr(name) in (refused.value.cause or "")
        assert "'demo'" in (refused.value.cause or "")
