"""The store when processes die, disks are full and several write at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.deaths import killed_before
from fixtures.stores import admitted, sha256_of
from fixtures.wheels import WheelSpec
from lockhouse.store import Store

ADMIT = """
import sys
from pathlib import Path
from lockhouse.errors import LockhouseError
from lockhouse.store import Store
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
try:
    wanted = (pair.split("=", 1) for pair in sys.argv[2:])
    entries = store.admit_all({sha256: Path(path) for sha256, path in wanted})
except LockhouseError as error:
    print(error.code, error.summary, flush=True)
else:
    print(sum(entry.kept.inodes[0] for entry in entries.values()), flush=True)
"""


def admitting(store: Path, wheels: list[Path]) -> subprocess.Popen[str]:
    """Start a process that admits wheels once it is told to."""
    pairs = [f"{sha256_of(wheel)}={wheel}" for wheel in wheels]
    process = subprocess.Popen(
        [sys.executable, "-c", ADMIT, str(store), *pairs], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def drafts(store: Store) -> list[Path]:
    return [*store.shelves.glob(".unpacking-*"), *store.shelves.glob(".trash-*")]


def test_processes_that_admit_the_same_wheels_share_one_entry_each(tmp_path: Path) -> None:
    wheels = [WheelSpec(f"package{i}", padding=200_000).build(tmp_path / "wheels") for i in range(8)]
    processes = [admitting(tmp_path / "store", wheels) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = {process.communicate(timeout=60)[0] for process in processes}

    assert len(answers) == 1, answers
    store = Store(tmp_path / "store")
    assert len(store.entries()) == len(wheels)
    assert not any(map(store.damaged, store.entries()))
    assert drafts(store) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_death_before_any_change_leaves_a_whole_entry_or_none(tmp_path: Path) -> None:
    wheel = WheelSpec("alpha", files={"alpha.py": "x = 1\n", "alpha/deep/er.py": "y = 2\n"}).build(tmp_path)
    operation = 0
    died = True
    while died:
        operation += 1
        store = Store(tmp_path / f"store-{operation}")
        died = killed_before(operation, lambda store=store: admitted(store, wheel), store.folder)  # type: ignore[misc]
        entry = store.entry(sha256_of(wheel))
        assert entry is None or not store.damaged(entry)

        entry = admitted(store, wheel)

        assert not store.damaged(entry)
        assert (entry.folder / "alpha.py").read_text() == "x = 1\n"
        assert drafts(store) == []
    assert operation > 10


def test_a_kill_at_any_time_leaves_whole_entries_or_none(tmp_path: Path) -> None:
    wheels = [WheelSpec(f"package{i}", padding=400_000).build(tmp_path / "wheels") for i in range(12)]
    dice = random.Random(3)
    store = Store(tmp_path / "store")
    for _ in range(6):
        process = admitting(store.folder, wheels)
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(dice.uniform(0.0, 0.12))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        process.stdin.close()
        assert not any(map(store.damaged, store.entries()))

    entries = store.admit_all({sha256_of(wheel): wheel for wheel in wheels})

    assert len(entries) == len(wheels)
    assert not any(map(store.damaged, entries.values()))
    assert drafts(store) == []


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = Path(tempfile.mkdtemp())
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "lockhouse-test", str(folder)], capture_output=True, check=False
    )
    try:
        if mounted.returncode:
            pytest.skip("only root can make a small file system")
        yield folder
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
def test_a_full_disk_is_named_and_leaves_nothing_half(small_disk: Path, tmp_path: Path) -> None:
    fits = WheelSpec("fits", padding=100_000).build(tmp_path)
    large = WheelSpec("large", padding=3_000_000).build(tmp_path)
    store = Store(small_disk / "store")
    admitted(store, fits)
    process = admitting(store.folder, [large])

    answer, _ = process.communicate("go\n", timeout=60)

    assert answer.startswith("storage ")
    assert [entry.name for entry in store.entries()] == ["fits"]
    assert not store.damaged(store.entries()[0])
    assert drafts(store) == []


@pytest.mark.skipif(sys.platform != "linux", reason="memory of a process is limited and measured as Linux does it")
def test_a_member_of_any_size_takes_little_memory(tmp_path: Path) -> None:
    # Packed to a hundredth: what is packed to a thousandth is refused as a bomb.
    content = b"".join(os.urandom(8) + bytes(1016) for _ in range(300 << 10))
    wheel = WheelSpec("alpha", files={"alpha/zeros.bin": content}).build(tmp_path)
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from lockhouse.store import Store, admitting, unpacking\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (250 << 20, 250 << 20))\n"
        "entry = Store(Path(sys.argv[1])).admit(Path(sys.argv[2]), '0' * 64)\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(max(entry.kept.sizes), int(status.partition('VmHWM:')[2].split()[0]) >> 10)\n"
    )
    argv = [sys.executable, "-c", code, str(tmp_path / "store"), str(wheel)]
    answer = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert answer.returncode == 0, answer.stderr
    size, megabytes = map(int, answer.stdout.split())
    assert size == 300 << 20
    assert megabytes < 120
