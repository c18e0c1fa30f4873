"""Seal, drift and tree digest over trees that nobody thought of."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.generations import INTERPRETER, fill, make_generation, make_project, seal
from lockhouse.environments.digest import normalise_script, tree_digest
from lockhouse.environments.drift import find_drift
from lockhouse.environments.generations import Generations
from lockhouse.environments.sealing import seal_tree
from lockhouse.environments.venv import VenvProvider
from lockhouse.evidence import Drift

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes and links of POSIX")

NAMES = st.sampled_from(["a", "b", "RECORD", "x-1.dist-info", "__pycache__", "m.pyc", "m.py", "bin", "é", "pip.conf"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(PATHS, st.tuples(st.binary(max_size=40), st.booleans()), max_size=8)
SETTINGS = settings(max_examples=60, deadline=None)  # how long it takes is not what is tested
Files = dict[str, tuple[bytes, bool]]


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        yield Path(place)


def consistent(files: Files) -> Files:
    """Leave out what would be file and folder at once."""
    folders = {"/".join(path.split("/")[:i]) for path in files for i in range(1, path.count("/") + 1)}
    return {path: content for path, content in files.items() if path not in folders}


def write(root: Path, files: Files) -> None:
    for path, (content, executable) in files.items():
        fill(root, {path: content})
        (root / path).chmod(0o755 if executable else 0o644)


def digest(root: Path) -> str:
    return tree_digest(root, seal_tree(root).seal, VenvProvider().scheme(root, INTERPRETER), {})


def by_the_definition(root: Path) -> str:
    """docs/digest.md, read once more and written down in another way; without scripts and scaffold."""
    lines = []
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() or not path.is_file() or name.startswith(".lockhouse/"):
            continue
        if path.suffix in (".pyc", ".pyo") or "__pycache__" in path.relative_to(root).parent.parts:
            continue
        if name in ("pyvenv.cfg", "pip.conf", "pip.ini"):
            continue
        notes = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
        if path.name in notes and path.parent != root and path.parent.name.endswith(".dist-info"):
            continue
        mode = "x" if path.stat().st_mode & stat.S_IXUSR else "-"
        lines.append(f"{name}\0{mode}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return hashlib.sha256(b"".join(sorted(lines))).hexdigest()


@SETTINGS
@given(FILES.map(consistent))
def test_the_digest_is_what_its_definition_says(files: Files) -> None:
    with folder() as root:
        write(root, files)
        assert digest(root) == by_the_definition(root)


@SETTINGS
@given(FILES.map(consistent))
def test_the_digest_depends_on_neither_place_nor_order_nor_time(files: Files) -> None:
    with folder() as here, folder() as there:
        write(here, files)
        write(there, dict(reversed(list(files.items()))))
        for path in files:
            os.utime(there / path, (1, 1))
        assert digest(here) == digest(there)


@SETTINGS
@given(FILES.map(consistent), FILES.map(consistent))
def test_drift_is_exactly_the_difference_of_two_trees(before: Files, after: Files) -> None:
    with folder() as root:
        project = make_project(root)
        generation = make_generation(project, "building", files={"anchor": "x"})
        write(generation.path, before)
        generation = Generations(project).advance(generation, "sealed", seal=seal(generation.path))
        for path in generation.path.iterdir():
            if path.name not in (".lockhouse", "anchor"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        write(generation.path, after)
        expected = Drift(
            modified=tuple(sorted(path for path in before.keys() & after.keys() if before[path] != after[path])),
            missing=tuple(sorted(before.keys() - after.keys())),
            extra=tuple(sorted(after.keys() - before.keys())),
        )
        assert find_drift(generation) == expected
        assert find_drift(generation, deep=False) == expected


@SETTINGS
@given(st.binary(max_size=200))
def test_any_script_can_be_normalised_and_once_is_enough(data: bytes) -> None:
    scripts = Path("/some where/bin")
    for content in (data, b"#!" + data, b"#!/bin/sh\n'''exec' " + data, b"MZ" + data):
        once = normalise_script(content, scripts)
        assert normalise_script(once, scripts) == once


@SETTINGS
@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\n\r/"), min_size=1), st.binary())
def test_every_place_gives_the_same_script(place: str, body: bytes) -> None:
    from installer.scripts import Script

    scripts = Path(f"/{place}/bin")
    _, content = Script("tool", "pkg", "main", "console").generate(f"{scripts}/python", "posix")
    header = content[: content.index(b"# -*- coding")]
    assert normalise_script(header + body, scripts) == b"#!<python>\n" + body
