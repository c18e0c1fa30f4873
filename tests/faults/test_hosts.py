"""A host under kill -9 at every operation, on a full disk, and where nothing may be written.

What must hold at any instant: the next run brings back what was there before, or what was meant to be; to the byte, the
inode and the time.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.additions import Adding
from fixtures.deaths import killed_before
from fixtures.hosts import HostSite, make_host
from fixtures.wheels import WheelSpec
from lockhouse.errors import StorageError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="made of fork and signals")

NUMPY = WheelSpec(
    "numpy", "2.1.0", files={"numpy/__init__.py": "", "numpy/old.py": ""}, console_scripts={"f2py": "numpy:main"}
)
NEWER = WheelSpec(
    "numpy", "2.2.0", files={"numpy/__init__.py": "x", "numpy/new.py": ""}, console_scripts={"f2py": "numpy:main"}
)
TOOL = WheelSpec("tool", files={"tool/__init__.py": "", "tool_single.py": ""}, console_scripts={"tool": "tool:main"})
LATER = WheelSpec("tool", "2.0", files={"tool/__init__.py": "x = 2"})

Tree = dict[str, tuple[str, int, int]]
Contents = dict[str, tuple[str, int]]


@pytest.fixture
def adding(tmp_path: Path) -> Adding:
    host = make_host(tmp_path / "host", NUMPY)
    (host.packages / "numpy/notes.txt").write_text("of the user")
    return Adding(host, tmp_path / "wheels")


def contents(host: HostSite) -> Contents:
    """What is there besides the ledger, without times: those of scripts and notes are of the day."""
    return {path: (content, mode) for path, (content, mode, _) in host.tree().items() if ".lockhouse" not in path}


def assert_restored(host: HostSite, exact: Tree) -> None:
    """All is as it was, to the time. A kill between two calls of the kernel can cost that of one folder: where the
    ledger comes and goes."""
    found, site = host.tree(), str(host.packages.relative_to(host.root))
    assert {**found, site: exact[site]} == exact


def kill_everywhere(adding: Adding, work: Callable[[], object], again: Callable[[], object], *allowed: Contents) -> int:
    """Kill ``work`` before each of its changes; afterwards the host must be recovered to one of the ``allowed`` states.

    ``again`` prepares the next round. Returns how many deaths there were.
    """
    operation = 0
    while True:
        operation += 1
        again()
        killed = killed_before(operation, work, adding.host.root)
        if adding.additions.unfinished():
            adding.additions.recover()
        assert not adding.additions.unfinished()
        assert contents(adding.host) in allowed, f"killed before operation {operation}"
        if not killed:
            return operation - 1


def test_adding_can_be_killed_at_any_instant(adding: Adding) -> None:
    bare, exact = contents(adding.host), adding.host.tree()
    apply = adding.prepared(TOOL, NEWER, replaces=("numpy",))
    apply()
    full = contents(adding.host)

    def again() -> None:
        adding.additions.withdraw()
        assert_restored(adding.host, exact)

    assert kill_everywhere(adding, apply, again, bare, full) > 30
    again()


def test_taking_back_can_be_killed_at_any_instant(adding: Adding) -> None:
    exact = adding.host.tree()
    apply = adding.prepared(TOOL, NEWER, replaces=("numpy",))
    bare = contents(adding.host)
    apply()
    full = contents(adding.host)

    def again() -> None:
        if adding.additions.current() is None:
            assert_restored(adding.host, exact)
            apply()

    assert kill_everywhere(adding, lambda: adding.additions.withdraw(), again, bare, full) > 15
    assert_restored(adding.host, exact)


def test_a_change_of_additions_can_be_killed_at_any_instant(adding: Adding) -> None:
    exact = adding.host.tree()
    first = adding.prepared(TOOL, NEWER, replaces=("numpy",))
    second = adding.prepared(LATER, generation=2)
    first()
    before = contents(adding.host)
    second()
    after = contents(adding.host)

    def again() -> None:
        current = adding.additions.current()
        if current is None or current.generation == 2:
            adding.additions.withdraw()
            assert_restored(adding.host, exact)
            first()

    assert kill_everywhere(adding, second, again, before, after) > 40


def test_recovery_can_be_killed_at_any_instant(adding: Adding) -> None:
    exact = adding.host.tree()
    bare = contents(adding.host)
    apply = adding.prepared(TOOL, NEWER, replaces=("numpy",))
    apply()
    full = contents(adding.host)
    adding.additions.withdraw()

    def again() -> None:
        adding.additions.withdraw()
        assert_restored(adding.host, exact)
        # in the midst of putting things in place
        assert killed_before(halfway, apply, adding.host.root)
        assert adding.additions.unfinished()

    halfway = 1
    while killed_before(halfway, apply, adding.host.root):
        adding.additions.recover()
        halfway += 1
    halfway -= 8
    kill_everywhere(adding, lambda: adding.additions.recover(), again, bare, full)


def test_nothing_is_left_where_nothing_may_be_written(adding: Adding) -> None:
    exact = adding.host.tree()
    apply = adding.prepared(TOOL)
    adding.host.packages.chmod(0o555)
    try:
        if os.access(adding.host.packages, os.W_OK):
            pytest.skip("this user may write everywhere")
        with pytest.raises(StorageError):
            apply()
    finally:
        adding.host.packages.chmod(0o755)
    assert_restored(adding.host, exact)


def test_a_full_disk_leaves_the_host_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=2m", "lockhouse-test", str(place)]
    if subprocess.run(argv, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs privileges")
    try:
        adding = Adding(make_host(place / "host", NUMPY), tmp_path / "wheels")
        exact = adding.host.tree()
        small, large = adding.prepared(TOOL), WheelSpec("large", padding=1 << 20)
        apply = adding.prepared(TOOL, NEWER, large, replaces=("numpy",))
        (place / "ballast").write_bytes(bytes(900 << 10))
        with pytest.raises(StorageError):
            apply()
        assert_restored(adding.host, exact)
        small()
        with pytest.raises(StorageError):
            apply()
        assert adding.additions.current() is not None
        adding.additions.withdraw()
        assert_restored(adding.host, exact)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
