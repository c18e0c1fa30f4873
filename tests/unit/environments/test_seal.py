"""The seal and drift: whatever changes in a sealed environment is told, and nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.generations import fill, make_generation, make_project, seal
from lockhouse.environments.drift import find_drift
from lockhouse.environments.generations import Generation, Generations
from lockhouse.environments.seal import read_seal, read_witness
from lockhouse.environments.sealing import seal_tree
from lockhouse.errors import BuildError
from lockhouse.events import Event, Progress
from lockhouse.evidence import Drift

FILES: dict[str, bytes | str] = {
    "bin/tool": "#!/bin/sh\n",
    "lib/python3.11/site-packages/pkg/__init__.py": "x = 1\n",
    "lib/python3.11/site-packages/pkg/data.bin": bytes(range(256)) * 100,
    "lib/python3.11/site-packages/pkg/empty.py": "",
}
MODULE = "lib/python3.11/site-packages/pkg/__init__.py"


@pytest.fixture
def generation(tmp_path: Path) -> Generation:
    project = make_project(tmp_path)
    generations = Generations(project)
    generation = make_generation(project, "building", files=FILES)
    (generation.path / "lib64").symlink_to("lib")
    (generation.path / "bin" / "python").symlink_to("/nowhere/python3.11")
    return generations.advance(generation, "sealed", seal=seal(generation.path))


def test_a_sealed_environment_has_no_drift(generation: Generation) -> None:
    assert not find_drift(generation)
    assert not find_drift(generation, deep=False)


def test_the_seal_comes_back_as_it_was_written(generation: Generation) -> None:
    assert generation.seal is not None
    done = seal_tree(generation.path)
    assert read_seal(generation.path, generation.seal) == done.seal
    assert read_witness(generation.path, generation.seal, len(FILES)) == done.witness
    assert [item.path for item in done.seal.files] == sorted(FILES)
    assert [tuple(link) for link in done.seal.links] == [("bin/python", "/nowhere/python3.11"), ("lib64", "lib")]


def test_reading_and_touching_and_lockhouse_s_own_files_are_no_drift(generation: Generation) -> None:
    os.utime(generation.path / MODULE, (1, 1))
    (generation.metadata / "verify.json").write_text("{}")
    (generation.path / "lib" / "empty folder").mkdir()
    (generation.path / MODULE).chmod(0o600)
    assert not find_drift(generation)


def change_content(root: Path) -> Drift:
    data = (root / MODULE).read_bytes()
    (root / MODULE).write_bytes(data.replace(b"1", b"2"))
    return Drift(modified=(MODULE,))


def change_size(root: Path) -> Drift:
    (root / MODULE).write_text("")
    return Drift(modified=(MODULE,))


def make_executable(root: Path) -> Drift:
    (root / MODULE).chmod(0o755)
    return Drift(modified=(MODULE,))


def make_unreadable(root: Path) -> Drift:
    (root / MODULE).chmod(0)
    return Drift(modified=(MODULE,))


def remove_file(root: Path) -> Drift:
    (root / MODULE).unlink()
    return Drift(missing=(MODULE,))


def add_file(root: Path) -> Drift:
    (root / "new.py").write_text("")
    return Drift(extra=("new.py",))


def add_folder_with_a_file(root: Path) -> Drift:
    fill(root, {"lib/python3.11/site-packages/torchao/__init__.py": ""})
    return Drift(extra=("lib/python3.11/site-packages/torchao/__init__.py",))


def write_bytecode(root: Path) -> Drift:
    fill(root, {"lib/python3.11/site-packages/pkg/__pycache__/a.cpython-311.pyc": "x"})
    return Drift(extra=("lib/python3.11/site-packages/pkg/__pycache__/a.cpython-311.pyc",))


def retarget_link(root: Path) -> Drift:
    (root / "lib64").unlink()
    (root / "lib64").symlink_to("bin")
    return Drift(modified=("lib64",))


def remove_link(root: Path) -> Drift:
    (root / "lib64").unlink()
    return Drift(missing=("lib64",))


def add_link(root: Path) -> Drift:
    (root / "lib" / "more").symlink_to("/etc")
    return Drift(extra=("lib/more",))


def file_becomes_link_to_equal_content(root: Path) -> Drift:
    shutil.move(root / MODULE, root.parent / "copy.py")
    (root / MODULE).symlink_to(root.parent / "copy.py")
    return Drift(modified=(MODULE,))


def link_becomes_file(root: Path) -> Drift:
    (root / "lib64").unlink()
    (root / "lib64").write_text("lib")
    return Drift(modified=("lib64",))


def folder_becomes_link(root: Path) -> Drift:
    shutil.move(root / "bin", root.parent / "bin")
    (root / "bin").symlink_to(root.parent / "bin")
    return Drift(missing=("bin/python", "bin/tool"), extra=("bin",))


def file_becomes_folder(root: Path) -> Drift:
    (root / MODULE).unlink()
    fill(root, {f"{MODULE}/inner": ""})
    return Drift(missing=(MODULE,), extra=(f"{MODULE}/inner",))


def file_becomes_pipe(root: Path) -> Drift:
    (root / MODULE).unlink()
    os.mkfifo(root / MODULE)
    return Drift(modified=(MODULE,))


def remove_all(root: Path) -> Drift:
    for name in ("bin", "lib"):
        shutil.rmtree(root / name)
    return Drift(missing=(*sorted([*FILES, "bin/python"]),))


def name_that_is_no_text(root: Path) -> Drift:
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.py")).write_text("")
    return Drift(extra=("caf\\xe9.py",))


CHANGES: list[Callable[[Path], Drift]] = [
    change_content,
    change_size,
    make_executable,
    make_unreadable,
    remove_file,
    add_file,
    add_folder_with_a_file,
    write_bytecode,
    retarget_link,
    remove_link,
    add_link,
    file_becomes_link_to_equal_content,
    link_becomes_file,
    folder_becomes_link,
    file_becomes_folder,
    file_becomes_pipe,
    remove_all,
    name_that_is_no_text,
]


@pytest.mark.skipif(os.name == "nt", reason="made of POSIX links, modes and pipes")
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_every_change_is_drift(generation: Generation, change: Callable[[Path], Drift]) -> None:
    expected = change(generation.path)
    assert find_drift(generation) == expected
    assert find_drift(generation, deep=False) == expected


DATA = "lib/python3.11/site-packages/pkg/data.bin"


def edit_and_hide_it(path: Path) -> None:
    """Change a byte in place and put the time back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"\xff")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_change_that_hides_its_time_is_seen_in_a_file_of_its_own(generation: Generation) -> None:
    edit_and_hide_it(generation.path / DATA)
    assert find_drift(generation, deep=False).modified == (DATA,)
    assert find_drift(generation).modified == (DATA,)


@pytest.fixture
def shared(generation: Generation, tmp_path: Path) -> Generation:
    """The same generation with a file that another environment shares, or the store."""
    os.link(generation.path / DATA, tmp_path / "stored")
    return Generations(make_project(tmp_path)).advance(generation, "sealed", seal=seal(generation.path))


def test_only_the_deep_comparison_sees_it_in_a_shared_file(shared: Generation) -> None:
    edit_and_hide_it(shared.path / DATA)
    assert not find_drift(shared, deep=False)
    assert find_drift(shared).modified == (DATA,)


def test_an_edit_through_another_name_of_a_shared_file_is_drift(shared: Generation, tmp_path: Path) -> None:
    with (tmp_path / "stored").open("r+b") as file:
        file.write(b"\xff")
    os.utime(tmp_path / "stored", (1, 1))  # the clock of the file system may be as coarse as this test is fast
    assert find_drift(shared, deep=False).modified == (DATA,)


def test_sharing_a_file_once_more_or_once_less_is_nothing_to_hash(shared: Generation, tmp_path: Path) -> None:
    events: list[Event] = []
    os.link(tmp_path / "stored", tmp_path / "other")
    (tmp_path / "stored").unlink()
    assert not find_drift(shared, deep=False, emit=events.append)
    assert not events


def test_a_shared_file_that_was_replaced_by_its_equal_is_hashed_and_no_drift(shared: Generation) -> None:
    events: list[Event] = []
    path = shared.path / DATA
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    assert not find_drift(shared, deep=False, emit=events.append)
    assert [event.total for event in events if isinstance(event, Progress)] == [1]


def test_what_was_hashed_and_right_is_remembered_if_wanted(generation: Generation) -> None:
    events: list[Event] = []
    os.utime(generation.path / MODULE, (1, 1))
    assert not find_drift(generation, deep=False)
    assert not find_drift(generation, deep=False, emit=events.append, remember=True)
    assert events
    events.clear()
    assert not find_drift(generation, deep=False, emit=events.append)
    assert not events
    (generation.path / MODULE).write_text("x = 2\n")
    assert find_drift(generation, deep=False).modified == (MODULE,)


@pytest.mark.parametrize("damage", ["gone", "cut", "changed", "of another seal"])
def test_without_its_witness_an_environment_is_hashed_and_right(generation: Generation, damage: str) -> None:
    witness = generation.metadata / "witness"
    data = witness.read_bytes()
    match damage:
        case "gone":
            witness.unlink()
        case "cut":
            witness.write_bytes(data[:-8])
        case "changed":
            witness.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        case _:
            other = make_generation(make_project(generation.path.parents[3] / "other"), files=FILES)
            witness.write_bytes((other.metadata / "witness").read_bytes())
    events: list[Event] = []
    assert not find_drift(generation, deep=False, emit=events.append, remember=True)
    assert [event.total for event in events if isinstance(event, Progress)] == [len(FILES)]
    assert witness.read_bytes() == data
    (generation.path / MODULE).write_text("x = 2\n")
    assert find_drift(generation, deep=False).modified == (MODULE,)


@pytest.mark.parametrize("cut", [0, 1, 40, -1])
def test_a_damaged_seal_is_drift_of_the_seal(generation: Generation, cut: int) -> None:
    path = generation.metadata / "seal"
    path.write_bytes(path.read_bytes()[:cut])
    assert find_drift(generation, deep=False) == Drift(modified=(".lockhouse/seal",))


def test_a_seal_that_was_edited_with_its_file_is_noticed(generation: Generation) -> None:
    (generation.path / MODULE).write_text("x = 2\n")
    seal(generation.path)
    assert find_drift(generation) == Drift(modified=(".lockhouse/seal",))


def test_an_environment_without_seal_is_not_proven(generation: Generation) -> None:
    (generation.metadata / "seal").unlink()
    assert find_drift(generation) == Drift(missing=(".lockhouse/seal",))


def test_what_cannot_be_sealed_is_named(generation: Generation) -> None:
    file_becomes_pipe(generation.path)
    with pytest.raises(BuildError) as refused:
        seal_tree(generation.path)
    assert refused.value.cause == MODULE


def test_progress_counts_files_to_the_end(generation: Generation) -> None:
    events: list[Event] = []
    find_drift(generation, emit=events.append, step="create")
    last = events[-1]
    assert isinstance(last, Progress)
    assert (last.step, last.done, last.total, last.unit) == ("create", len(FILES), len(FILES), "files")


def test_many_files_in_many_batches_are_all_compared(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {f"lib/{i % 17}/{i}.py": f"x = {i}\n" for i in range(1000)}
    generation = make_generation(make_project(tmp_path), files=files)
    assert not find_drift(generation)
    (generation.path / "lib/13/999.py").rename(generation.path / "lib/13/x.py")
    (generation.path / "lib/0/0.py").write_text("x = 9\n")
    drift = find_drift(generation)
    assert drift.modified == ("lib/0/0.py",)
    assert (drift.missing, drift.extra) == (("lib/13/999.py",), ("lib/13/x.py",))
