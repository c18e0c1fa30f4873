"""The seal of an environment that is made of the store, taken by several processes, and what is not to be touched."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from fixtures.stores import admitted
from fixtures.wheels import WheelSpec
from lockhouse import cores
from lockhouse.environments import Scheme, sealing
from lockhouse.environments.sealing import Sealing, seal_tree
from lockhouse.store import Store
from lockhouse.store.origins import find_origins
from lockhouse.wheels.installing import Installation, Wanted

FILES = {f"alpha/part{part}/module{number}.py": f"{part} {number}" for part in range(6) for number in range(20)}


@pytest.fixture
def built(tmp_path: Path) -> tuple[Path, Store]:
    root = tmp_path / "environment"
    site = root / "site"
    site.mkdir(parents=True)
    scheme = Scheme(
        python=root / "bin" / "python",
        purelib=site,
        platlib=site,
        scripts=root / "bin",
        data=root,
        headers=root / "include",
    )
    store = Store(tmp_path / "store")
    wheel = WheelSpec("alpha", files=FILES).build(tmp_path / "wheels")
    Installation(root, scheme, "hardlink").install([Wanted(admitted(store, wheel))])
    return root, store


@pytest.fixture(params=[True, False], ids=["processes", "alone"], autouse=True)
def shared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take seals in several processes, or in this one."""
    if request.param and sys.platform != "linux":
        pytest.skip("only Linux is forked on")
    monkeypatch.setattr(sealing, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(cores, "_cores", lambda: 4)
    monkeypatch.setattr(cores, "can_fork", lambda: request.param)


def sealed(built: tuple[Path, Store], *, known: bool = True, purge: bool = False) -> Sealing:
    root, store = built
    return seal_tree(root, find_origins(root, store) if known else None, purge=purge)


def test_what_the_store_knows_is_what_is_read(built: tuple[Path, Store]) -> None:
    assert sealed(built).seal == sealed(built, known=False).seal
    assert len(sealed(built).seal) > len(FILES)


def test_what_became_different_is_read(built: tuple[Path, Store]) -> None:
    root = built[0]
    before = {item.path: item.sha256 for item in sealed(built).seal.files}
    replaced, lost, new = (root / f"site/alpha/part1/{name}.py" for name in ("module1", "module2", "new"))
    replaced.unlink()
    replaced.write_text("another")
    lost.unlink()
    new.write_text("new")
    (root / "site/alpha/part2/deeper/still").mkdir(parents=True)
    (root / "site/alpha/part2/deeper/still/more.py").write_text("more")

    after = {item.path: item.sha256 for item in sealed(built).seal.files}

    assert sealed(built).seal == sealed(built, known=False).seal
    assert before.keys() - after.keys() == {"site/alpha/part1/module2.py"}
    assert after.keys() - before.keys() == {"site/alpha/part1/new.py", "site/alpha/part2/deeper/still/more.py"}
    assert {path for path in before.keys() & after.keys() if before[path] != after[path]} == {
        "site/alpha/part1/module1.py"
    }


def test_a_copy_of_the_same_size_and_another_time_is_read(built: tuple[Path, Store]) -> None:
    """Only untouched copies have the hash of the store's file without being read."""
    root = built[0]
    touched, kept = (root / f"site/alpha/part1/module{number}.py" for number in (1, 2))
    for path in (touched, kept):
        data, time = path.read_bytes(), path.stat().st_mtime_ns
        path.unlink()
        path.write_bytes(data)
        os.utime(path, ns=(time, time))
    touched.write_bytes(b"2 2")
    found = {item.path: item.sha256 for item in sealed(built).seal.files}
    for path in (touched, kept):
        assert found[path.relative_to(root).as_posix()] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
@pytest.mark.parametrize("place", ["alpha", "alpha/part3"])
def test_what_lies_behind_a_link_is_neither_sealed_nor_touched(
    built: tuple[Path, Store], tmp_path: Path, place: str
) -> None:
    root = built[0]
    moved = tmp_path / "elsewhere"
    (root / "site" / place).rename(moved)
    for folder in (moved, *(item for item in moved.iterdir() if item.is_dir())):
        (folder / "__pycache__").mkdir()
        (folder / "__pycache__" / "module1.cpython-311.pyc").write_bytes(b"x")
        (folder / "extra.py").write_text("extra")
    (root / "site" / place).symlink_to(moved)

    found = sealed(built, purge=True)

    assert found.removed == 0
    assert list(moved.rglob("*.pyc"))
    assert [link.path for link in found.seal.links] == [f"site/{place}"]
    assert not [path for path in found.seal.paths if path.startswith(f"site/{place}/")]
    assert found.seal == sealed(built, known=False).seal


def test_bytecode_goes_wherever_it_is(built: tuple[Path, Store]) -> None:
    root = built[0]
    for folder in ("site/alpha", "site/alpha/part3", "site/beside"):
        (root / folder / "__pycache__").mkdir(parents=True)
        (root / folder / "__pycache__" / "module1.cpython-311.pyc").write_bytes(b"x")
    (root / "site/alpha/part4/old.pyc").write_bytes(b"x")

    assert sealed(built, purge=True).removed == 4
    assert not list(root.rglob("*.pyc"))
    assert not list(root.rglob("__pycache__"))
