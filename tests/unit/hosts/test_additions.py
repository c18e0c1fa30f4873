"""Adding to a host and taking back: what was there is the same afterwards, to the byte, the inode and the time."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from fixtures.additions import Adding
from fixtures.hosts import HostSite, make_host, tree_of
from fixtures.wheels import WheelSpec
from lockhouse.errors import BuildError, CheckFailed, StorageError
from lockhouse.evidence import Drift
from lockhouse.hosts.ledger import Addition

NUMPY = WheelSpec(
    "numpy",
    "2.1.0",
    files={"numpy/__init__.py": "version = 2", "numpy/core.py": "", "numpy/old.py": ""},
    console_scripts={"f2py": "numpy:main"},
)
NEWER = WheelSpec(
    "numpy",
    "2.2.0",
    files={"numpy/__init__.py": "version = 22", "numpy/core.py": "", "numpy/fresh/__init__.py": ""},
    console_scripts={"f2py": "numpy:main"},
)
TOOL = WheelSpec(
    "tool",
    files={"tool/__init__.py": "value = 1", "tool/inner/x.py": "", "tool_single.py": "single = 1"},
    console_scripts={"tool": "tool:main"},
    data={"scripts/raw": "#!python\nprint('raw')\n", "data/share/tool/readme.txt": "read me", "headers/tool.h": ""},
)
GOOGLE = WheelSpec("google-one", files={"google/one/__init__.py": ""})
GOOGLE_TWO = WheelSpec("google-two", files={"google/two/__init__.py": ""})


@pytest.fixture
def host(tmp_path: Path) -> HostSite:
    return make_host(tmp_path / "host", NUMPY, GOOGLE)


@pytest.fixture
def adding(host: HostSite, tmp_path: Path) -> Adding:
    return Adding(host, tmp_path / "wheels")


def inodes(root: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_ino for path in root.rglob("*")}


def without_times_of_folders(tree: dict[str, tuple[str, int, int]]) -> dict[str, tuple[str, int, int]]:
    """What the host holds, without the ledger."""
    return {
        path: (content, mode, 0 if stat.S_ISDIR(mode) else time)
        for path, (content, mode, time) in tree.items()
        if ".lockhouse" not in path
    }


def test_what_is_added_works_and_nothing_else_changes(adding: Adding, host: HostSite) -> None:
    before = host.tree()
    adding.add(TOOL, GOOGLE_TWO)
    assert host.run("import tool, tool.inner.x, tool_single, google.one, google.two; print(tool.value)") == "1\n"
    after = host.tree()
    shared = {path for path in before if Path(path).suffix or path not in {".", "bin"}}
    for path in shared:
        if (host.root / path).is_dir():
            continue  # a folder in which something was added has another time
        assert after[path] == before[path], path
    script = (host.root / "bin" / "tool").read_text()
    assert script.splitlines()[0] == f"#!{host.inventory().interpreter.executable}"
    assert (host.root / "share/tool/readme.txt").read_text() == "read me"
    assert host.inventory().effective["tool"].installer == "lockhouse"


def test_record_of_what_is_added_is_true(adding: Adding, host: HostSite) -> None:
    from base64 import urlsafe_b64encode
    from csv import reader
    from hashlib import sha256

    adding.add(TOOL)
    with (host.packages / "tool-1.0.dist-info/RECORD").open(newline="") as file:
        for path, said, size in reader(file):
            data = (host.packages / path).read_bytes()
            if said:
                assert said == "sha256=" + urlsafe_b64encode(sha256(data).digest()).decode().rstrip("=")
                assert int(size) == len(data)


def test_taking_back_restores_every_byte_inode_and_time(adding: Adding, host: HostSite) -> None:
    before, numbers = host.tree(), inodes(host.root)
    adding.add(TOOL, GOOGLE_TWO)
    adding.additions.withdraw()
    assert host.tree() == before
    assert inodes(host.root) == numbers
    assert not adding.warnings


def test_a_replaced_distribution_comes_back_as_it_was(adding: Adding, host: HostSite) -> None:
    cache = host.root / "cache.py"  # what an installer keeps and shares with the host by hard links
    os.link(host.packages / "numpy/core.py", cache)
    host.run("import sys; sys.dont_write_bytecode = False; import numpy.core, numpy.old")
    assert list((host.packages / "numpy/__pycache__").iterdir())
    before, numbers = host.tree(), inodes(host.root)
    adding.add(NEWER, replaces=("numpy",))
    assert host.run("import numpy, numpy.fresh; print(numpy.version)") == "22\n"
    assert not (host.packages / "numpy/old.py").exists()
    assert host.inventory().effective["numpy"].version == "2.2.0"
    assert not host.inventory().problems
    assert (cache.read_bytes(), cache.stat().st_ino) == (b"", numbers[str(cache)])
    host.run("import sys; sys.dont_write_bytecode = False; import numpy.core, numpy.fresh")
    adding.additions.withdraw()
    assert host.tree() == before
    assert inodes(host.root) == numbers
    assert cache.stat().st_nlink == 2


def test_bytecode_of_what_was_added_goes_with_it(adding: Adding, host: HostSite) -> None:
    before = host.tree()
    adding.add(TOOL)
    host.run("import sys; sys.dont_write_bytecode = False; import tool.inner.x, tool_single")
    assert list((host.packages / "__pycache__").glob("tool_single.*"))
    adding.additions.withdraw()
    assert host.tree() == before


def test_bytecode_of_others_stays(adding: Adding, host: HostSite) -> None:
    cache = host.packages / "__pycache__"
    cache.mkdir()
    stale = cache / f"tool_single.cpython-{sys.version_info.major}{sys.version_info.minor}.pyc"
    stale.write_bytes(b"of an earlier tool_single")
    (cache / "other.cpython-311.pyc").write_bytes(b"other")
    before = host.tree()
    adding.add(TOOL)
    host.run("import sys; sys.dont_write_bytecode = False; import tool_single")
    assert stale.read_bytes() != b"of an earlier tool_single"
    adding.additions.withdraw()
    assert host.tree() == before


def test_what_somebody_put_into_an_added_folder_stays_and_is_named(adding: Adding, host: HostSite) -> None:
    addition = adding.add(TOOL)
    (host.packages / "tool/mine.txt").write_text("mine")
    (host.packages / "tool/__init__.py").write_text("changed")
    assert adding.additions.drift(addition) == Drift(
        modified=(f"{host.packages.relative_to(host.root)}/tool/__init__.py",),
        extra=(f"{host.packages.relative_to(host.root)}/tool/mine.txt",),
    )
    adding.additions.withdraw()
    assert [path.name for path in (host.packages / "tool").rglob("*")] == ["mine.txt"]
    assert "mine.txt" in "".join(adding.warnings)
    assert not (host.packages / "tool_single.py").exists()
    assert not adding.ledger.folder.exists()


def test_a_file_of_the_host_is_never_replaced(adding: Adding, host: HostSite) -> None:
    (host.root / "bin" / "tool").write_text("mine")
    before = host.tree()
    with pytest.raises(BuildError, match="1 file of the host is in the way"):
        adding.add(TOOL)
    assert host.tree() == before


def test_the_same_content_is_no_obstacle_and_stays_when_the_addition_goes(adding: Adding, host: HostSite) -> None:
    (host.packages / "tool_single.py").write_text("single = 1")
    before = host.tree()
    addition = adding.add(TOOL)
    assert not adding.additions.drift(addition)
    adding.additions.withdraw()
    assert host.tree() == before


def test_a_failed_proof_leaves_the_host_as_it_was(adding: Adding, host: HostSite) -> None:
    def fail(addition: Addition) -> None:
        assert host.run("import tool; print(tool.value)") == "1\n"
        raise CheckFailed("no")

    before = host.tree()
    with pytest.raises(CheckFailed):
        adding.prepared(TOOL, NEWER, replaces=("numpy",))(fail)
    assert host.tree() == before


def test_an_addition_makes_way_for_the_next_and_comes_back_if_that_fails(adding: Adding, host: HostSite) -> None:
    bare = host.tree()
    adding.add(TOOL, NEWER, replaces=("numpy",))
    first = host.tree()
    second = WheelSpec("tool", "2.0", files={"tool/__init__.py": "value = 2"})

    def fail(addition: Addition) -> None:
        raise CheckFailed("no")

    with pytest.raises(CheckFailed):
        adding.prepared(second, generation=2)(fail)
    assert without_times_of_folders(host.tree()) == without_times_of_folders(first)
    addition = adding.prepared(second, generation=2)()
    assert host.run("import tool, numpy; print(tool.value, numpy.version)") == "2 2\n"
    assert adding.ledger.all() == (addition,)
    adding.additions.withdraw()
    assert host.tree() == bare


def test_two_projects_add_to_one_host_and_leave_in_any_order(host: HostSite, tmp_path: Path) -> None:
    bare = {path: value[:2] for path, value in host.tree().items()}
    one = Adding(host, tmp_path / "one", project="/one")
    two = Adding(host, tmp_path / "two", project="/two")
    one.add(TOOL, WheelSpec("spaces-one", files={"spaces/one/__init__.py": ""}))
    two.add(WheelSpec("spaces-two", files={"spaces/two/__init__.py": ""}))
    one.additions.withdraw()
    assert host.run("import spaces.two") == ""
    two.additions.withdraw()
    assert {path: value[:2] for path, value in host.tree().items()} == bare


@pytest.mark.parametrize("named", ["../../../bin/python", "../../../pyvenv.cfg", "../../../../elsewhere.txt"])
def test_record_of_the_host_cannot_talk_us_into_moving_what_is_not_its(
    adding: Adding, host: HostSite, named: str
) -> None:
    (host.root.parent / "elsewhere.txt").write_text("precious")
    record = host.packages / "numpy-2.1.0.dist-info/RECORD"
    record.write_text(f"{named},,\n{record.read_text()}")
    before = tree_of(host.root.parent)
    with pytest.raises(BuildError, match="cannot be replaced"):
        adding.add(NEWER, replaces=("numpy",))
    after = tree_of(host.root.parent)
    after = {path: value for path, value in after.items() if not path.startswith("wheels")}
    assert after.items() <= before.items() | {(".", after["."])}


def test_a_distribution_without_record_is_not_replaced(adding: Adding, host: HostSite) -> None:
    (host.packages / "numpy-2.1.0.dist-info/RECORD").unlink()
    before = host.tree()
    with pytest.raises(BuildError, match="cannot be replaced"):
        adding.add(NEWER, replaces=("numpy",))
    assert host.tree() == before


def test_a_damaged_ledger_is_an_error_and_no_empty_one(adding: Adding, host: HostSite) -> None:
    addition = adding.add(TOOL)
    (adding.ledger.home(addition) / "addition.json").write_text("{}")
    with pytest.raises(StorageError, match="ledger"):
        adding.additions.current()


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_site_packages_may_be_a_link(tmp_path: Path) -> None:
    host = make_host(tmp_path / "host", NUMPY)
    elsewhere = tmp_path / "host" / "real-packages"
    packages = host.packages
    packages.rename(elsewhere)
    packages.symlink_to(elsewhere)
    before = host.tree()
    adding = Adding(host, tmp_path / "wheels")
    addition = adding.add(TOOL)
    assert host.run("import tool; print(tool.value)") == "1\n"
    assert not adding.additions.drift(addition)
    adding.additions.withdraw()
    assert host.tree() == before
