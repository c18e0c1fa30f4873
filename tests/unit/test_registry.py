"""Entry points: the same as the standard library finds, without its help."""

from __future__ import annotations

import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from lockhouse.names import canonical_name
from lockhouse.registry import Registered, registered


def found(group: str) -> list[tuple[str, str, str]]:
    return sorted((item.name, item.distribution, item.version) for item in registered(group))


def distribution(folder: Path, name: str, points: str, *, metadata: str | None = None) -> None:
    info = folder / f"{name}.dist-info"
    info.mkdir(parents=True)
    title, _, version = name.partition("-")
    text = f"Metadata-Version: 2.1\nName: {title}\nVersion: {version}\n\nName: of nobody\n"
    (info / "METADATA").write_text(text if metadata is None else metadata)
    (info / "entry_points.txt").write_text(points)


def only(name: str) -> Registered:
    (item,) = [item for item in registered("group") if item.name == name]
    return item


@pytest.mark.parametrize("group", ["console_scripts", "lockhouse.v1", "pytest11"])
def test_installed_ones_are_those_that_the_standard_library_finds(group: str) -> None:
    expected = [
        (point.name, canonical_name(point.dist.name), point.dist.version)
        for point in entry_points(group=group)
        if point.dist
    ]
    assert expected
    assert found(group) == sorted(expected)


def test_of_two_distributions_of_one_name_the_first_on_the_path_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(tmp_path / "a", "my_thing-1.0", "[other]\nx = json\n")
    distribution(tmp_path / "b", "My.Thing-2.0", "[group]\nx = json\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "a"), str(tmp_path / "b"), *sys.path])
    assert found("group") == []


def test_groups_comments_and_objects_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = "[group]\n# no = json\n\none = json:decoder.JSONDecoder [extra]\ntwo=json\n[group.more]\nthree = json\n"
    distribution(tmp_path, "thing-1.0", points)
    monkeypatch.syspath_prepend(tmp_path)
    assert [name for name, _, _ in found("group")] == ["one", "two"]
    import json

    assert only("one").load() is json.JSONDecoder
    assert only("two").load() is json


@pytest.mark.parametrize("target", ["json:absent", "no such module", "lockhouse_nowhere"])
def test_what_is_not_there_is_said_when_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    distribution(tmp_path, "thing-1.0", f"[group]\nx = {target}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises((ImportError, AttributeError)):
        only("x").load()


def test_a_distribution_without_a_name_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path, "thing-1.0", "[group]\nx = json\n", metadata="nothing\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert found("group") == [("x", "unknown", "0+unknown")]


def test_distributions_in_an_archive_are_found_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("thing-1.0.dist-info/METADATA", "Name: thing\nVersion: 1.0\n")
        archive.writestr("thing-1.0.dist-info/entry_points.txt", "[group]\nx = json\n")
    monkeypatch.syspath_prepend(str(tmp_path / "packed.zip"))
    assert found("group") == [("x", "thing", "1.0")]
