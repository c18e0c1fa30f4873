"""Files of many folders brought at once, by processes or threads; damage of the store is noticed on the way."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lockhouse import cores, sharing
from lockhouse.errors import BuildError
from lockhouse.store import bringing
from lockhouse.store.bringing import Damaged, bring
from lockhouse.store.linking import Conflict, LinkMode, Transfer, link_tree
from lockhouse.store.soundness import Written

FOLDERS, FILES = 12, 40


@pytest.fixture
def transfers(tmp_path: Path) -> list[Transfer]:
    made = []
    for folder in range(FOLDERS):
        source, target = tmp_path / f"source{folder}", tmp_path / f"target{folder}"
        source.mkdir()
        target.mkdir()
        names = tuple(f"{number:02}.py" for number in range(FILES))
        for name in names:
            (source / name).write_text(f"{folder} {name}")
        made.append(Transfer(str(source), str(target), names, [0] * FILES, written(source, names)))
    return made


def written(folder: Path, names: tuple[str, ...]) -> Written:
    found = [(folder / name).stat() for name in names]
    return Written(
        [item.st_size for item in found], [item.st_mtime_ns for item in found], [item.st_ino for item in found]
    )


@pytest.fixture(params=["processes", "threads"])
def many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pieces for four, in processes also where the tests themselves run beside a thread."""
    monkeypatch.setattr(bringing, "PIECE", 20)
    monkeypatch.setattr(bringing, "WORTH_A_PROCESS", 1)
    if request.param == "processes":
        if sys.platform != "linux":
            pytest.skip("only Linux is forked on")
        monkeypatch.setattr(cores, "_cores", lambda: 4)
        for module in (cores, sharing):
            monkeypatch.setattr(module, "can_fork", lambda: True)
    else:
        monkeypatch.setattr(sharing, "can_fork", lambda: False)


def brought(transfers: list[Transfer]) -> int:
    return sum(len(list(Path(transfer.target).iterdir())) for transfer in transfers)


@pytest.mark.parametrize("mode", ["hardlink", "copy"])
@pytest.mark.usefixtures("many")
def test_every_file_comes_once(transfers: list[Transfer], mode: LinkMode) -> None:
    told: list[int] = []

    assert bring(transfers, mode, told.append) == []

    assert brought(transfers) == FOLDERS * FILES
    assert told[0] == 0
    assert told[-1] == FOLDERS * FILES
    for transfer in transfers:
        for name in transfer.names:
            assert Path(transfer.target, name).read_text() == Path(transfer.source, name).read_text()


@pytest.mark.usefixtures("many")
def test_what_is_in_the_way_is_told_wherever_it_is(transfers: list[Transfer]) -> None:
    for place in (1, 7):
        Path(transfers[place].target, "03.py").write_text("another's")

    found = bring(transfers, "hardlink")

    expected = [(place, Conflict(transfers[place].source, transfers[place].target, "03.py")) for place in (1, 7)]
    assert sorted(found) == expected


def edited(path: Path) -> None:
    path.write_text("edited, and longer than it was")


def rewritten(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def replaced(path: Path) -> None:
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(before.st_mtime_ns, before.st_mtime_ns))
    other.replace(path)


def deleted(path: Path) -> None:
    path.unlink()


def without_folder(path: Path) -> None:
    for item in path.parent.iterdir():
        item.unlink()
    path.parent.rmdir()


def with_a_folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


def with_a_link_in_its_place(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def with_a_pipe_in_its_place(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def with_a_file_in_the_folder_s_place(path: Path) -> None:
    without_folder(path)
    path.parent.write_text("no folder")


DAMAGES = [
    edited,
    rewritten,
    replaced,
    deleted,
    without_folder,
    with_a_folder_in_its_place,
    with_a_link_in_its_place,
    with_a_pipe_in_its_place,
    with_a_file_in_the_folder_s_place,
]


@pytest.mark.skipif(os.name == "nt", reason="pipes and links are others there")
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("mode", ["hardlink", "copy"])
@pytest.mark.usefixtures("many")
def test_damage_of_the_store_is_noticed_and_leaves_what_was_there(
    transfers: list[Transfer], mode: LinkMode, damage: Callable[[Path], None]
) -> None:
    others = [Path(transfers[4].target, "03.py"), Path(transfers[4].target, "30.py"), Path(transfers[9].target, "1.py")]
    for other in others:
        other.write_text("another's")
    damage(Path(transfers[4].source, "17.py"))

    with pytest.raises(Damaged) as caught:
        bring(transfers, mode)

    assert caught.value.places == {4}
    assert brought(transfers) == len(others)
    assert {other.read_text() for other in others} == {"another's"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is forked on")
def test_files_that_a_killed_helper_brought_are_in_nobodys_way(
    transfers: list[Transfer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bringing, "PIECE", 20)
    monkeypatch.setattr(bringing, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(cores, "_cores", lambda: 2)
    for module in (cores, sharing):
        monkeypatch.setattr(module, "can_fork", lambda: True)
    here, link, links = os.getpid(), os.link, []

    def deadly(*arguments: str, **folders: int) -> None:
        link(*arguments, **folders)  # type: ignore[arg-type]
        links.append(arguments)
        if os.getpid() != here and len(links) == 25:
            os.kill(os.getpid(), signal.SIGKILL)
        if os.getpid() == here and len(links) == 1:
            signal.sigtimedwait([], 0.05)  # so that the helper has its turn

    monkeypatch.setattr(bringing, "link_tree", lambda given, mode: link_tree(given, mode, link=deadly))
    monkeypatch.setattr(os, "supports_dir_fd", os.supports_dir_fd | {deadly})

    assert bring(transfers, "hardlink") == []
    assert brought(transfers) == FOLDERS * FILES


@pytest.mark.usefixtures("many")
def test_a_file_system_that_refuses_is_an_error(transfers: list[Transfer]) -> None:
    target = Path(transfers[5].target)
    target.rmdir()

    with pytest.raises(FileNotFoundError):
        bring(transfers, "hardlink")


@pytest.mark.usefixtures("many")
def test_who_gives_up_is_not_kept_long(transfers: list[Transfer]) -> None:
    given_up = threading.Event()
    given_up.set()

    with pytest.raises(BuildError, match="given up"):
        bring(transfers, "hardlink", given_up=given_up)
