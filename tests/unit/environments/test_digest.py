"""The tree digest: golden values of docs/digest.md, and what does not change it."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from installer.scripts import Script

from fixtures.generations import INTERPRETER, fill
from lockhouse.environments.digest import INTERPRETER as HEADER
from lockhouse.environments.digest import digest_lines, normalise_script, tree_digest
from lockhouse.environments.scaffold import read_scaffold, record_scaffold
from lockhouse.environments.sealing import seal_tree
from lockhouse.environments.venv import VenvProvider
from lockhouse.errors import BuildError

NOTHING = hashlib.sha256(b"").hexdigest()
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the layout and the modes of POSIX")


def digest(root: Path, scaffold: Mapping[str, str] | None = None) -> str:
    return tree_digest(root, seal_tree(root).seal, VenvProvider().scheme(root, INTERPRETER), scaffold or {})


def make(root: Path) -> Path:
    """An environment with every kind of thing in it, the same wherever it stands."""
    fill(
        root,
        {
            "bin/activate": f"VIRTUAL_ENV={root}\n",
            "bin/plain": f"#!{root}/bin/python\nprint(1)\n",
            "bin/theirs": "#!/bin/sh\nexec true\n",
            "lib/python3.11/site-packages/pkg/__init__.py": "x = 1\n",
            "lib/python3.11/site-packages/pkg-1.0.dist-info/METADATA": "Name: pkg\n",
            "pyvenv.cfg": f"home = {root}\n",
        },
    )
    (root / "bin" / "plain").chmod(0o755)
    (root / "bin" / "theirs").chmod(0o755)
    (root / "bin" / "python").symlink_to("/usr/bin/python3")
    return root


SCAFFOLD = ("bin/activate",)


def scaffold_of(root: Path) -> dict[str, str]:
    return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in SCAFFOLD}


def test_the_golden_value_of_a_small_environment(tmp_path: Path) -> None:
    root = make(tmp_path / "env")
    assert b"".join(
        digest_lines(root, seal_tree(root).seal, VenvProvider().scheme(root, INTERPRETER), scaffold_of(root))
    ) == (
        b"bin/plain\0x\0" + hashlib.sha256(b"#!<python>\nprint(1)\n").hexdigest().encode() + b"\n"
        b"bin/theirs\0x\0" + hashlib.sha256(b"#!/bin/sh\nexec true\n").hexdigest().encode() + b"\n"
        b"lib/python3.11/site-packages/pkg-1.0.dist-info/METADATA\0-\0"
        + hashlib.sha256(b"Name: pkg\n").hexdigest().encode()
        + b"\n"
        b"lib/python3.11/site-packages/pkg/__init__.py\0-\0" + hashlib.sha256(b"x = 1\n").hexdigest().encode() + b"\n"
    )
    assert digest(root, scaffold_of(root)) == "345bebaab316251fb8a3447982bdf837f9832f500187d18b692bf7ae313b9cfb"


def test_an_environment_in_which_nothing_counts_has_the_hash_of_nothing(tmp_path: Path) -> None:
    assert digest(tmp_path) == NOTHING


@pytest.mark.parametrize("place", ["short", "with some spaces", "l" * 140, "ünï/cödé", "quote'd", 'double"d'])
def test_the_place_of_an_environment_does_not_count(tmp_path: Path, place: str) -> None:
    """With the scripts that the installer really writes for that place."""
    digests = []
    for root in (tmp_path / "reference", tmp_path / place):
        make(root)
        name, content = Script("tool", "pkg", "main", "console").generate(str(root / "bin" / "python"), "posix")
        fill(root, {f"bin/{name}": content})
        digests.append(digest(root, scaffold_of(root)))
    assert digests[0] == digests[1]


def test_an_environment_reached_through_a_link_has_the_same_digest(tmp_path: Path) -> None:
    root = make(tmp_path / "env")
    (tmp_path / "link").symlink_to("env")
    assert digest(tmp_path / "link", scaffold_of(root)) == digest(root, scaffold_of(root))


@pytest.mark.parametrize(
    "path",
    [
        "pyvenv.cfg",
        "pip.conf",
        "pip.ini",
        ".lockhouse/generation.json",
        "lib/python3.11/site-packages/pkg/__pycache__/a.cpython-311.pyc",
        "lib/python3.11/site-packages/pkg/__pycache__/anything",
        "lib/python3.11/site-packages/pkg/old.pyo",
        "lib/python3.11/site-packages/pkg-1.0.dist-info/RECORD",
        "lib/python3.11/site-packages/pkg-1.0.dist-info/INSTALLER",
        "lib/python3.11/site-packages/pkg-1.0.dist-info/REQUESTED",
        "lib/python3.11/site-packages/pkg-1.0.dist-info/direct_url.json",
    ],
)
def test_what_is_not_of_a_wheel_does_not_count(tmp_path: Path, path: str) -> None:
    fill(tmp_path, {path: "anything"})
    assert digest(tmp_path) == NOTHING


@pytest.mark.parametrize(
    "path",
    [
        "lib/pyvenv.cfg",
        "RECORD",
        "lib/python3.11/site-packages/pkg/RECORD",
        "lib/python3.11/site-packages/pkg-1.0.dist-info/licenses/RECORD",
        "lib/python3.11/site-packages/pkg/.lockhouse/file",
        "share/man/man1/tool.1",
    ],
)
def test_what_looks_like_it_and_is_of_a_wheel_counts(tmp_path: Path, path: str) -> None:
    fill(tmp_path, {path: "anything"})
    assert digest(tmp_path) != NOTHING


@pytest.mark.parametrize("change", ["content", "mode", "name", "header", "arguments"])
def test_what_counts_changes_the_digest(tmp_path: Path, change: str) -> None:
    root = make(tmp_path / "env")
    before = digest(root)
    match change:
        case "content":
            fill(root, {"lib/python3.11/site-packages/pkg/__init__.py": "x = 2\n"})
        case "mode":
            (root / "lib/python3.11/site-packages/pkg/__init__.py").chmod(0o755)
        case "name":
            (root / "bin/plain").rename(root / "bin/other")
        case "header":
            fill(root, {"bin/plain": "#!/usr/bin/python\nprint(1)\n"})
        case _:
            fill(root, {"bin/plain": f"#!{root}/bin/python -E\nprint(1)\n"})
    assert digest(root) != before


def test_permissions_beyond_the_owner_s_execution_do_not_count(tmp_path: Path) -> None:
    root = make(tmp_path / "env")
    before = digest(root)
    (root / "bin/plain").chmod(0o700)
    (root / "lib/python3.11/site-packages/pkg/__init__.py").chmod(0o400)
    assert digest(root) == before


def test_a_wheel_that_replaces_a_scaffold_file_makes_it_count(tmp_path: Path) -> None:
    fill(tmp_path, {"bin/activate": "original"})
    scaffold = record_scaffold(tmp_path)
    assert digest(tmp_path, read_scaffold(tmp_path)) == NOTHING
    fill(tmp_path, {"bin/activate": "replaced"})
    assert digest(tmp_path, scaffold) != NOTHING


def test_a_scaffold_that_was_lost_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BuildError):
        read_scaffold(tmp_path)


def test_every_header_for_the_environment_s_interpreter_is_the_same(tmp_path: Path) -> None:
    scripts = tmp_path / "some where" / "bin"
    python = f"{scripts}/python3.11"
    for header in (
        f"#!{python}\n",
        f"#! {python}\n",
        f'#!"{python}"\n',
        f"#!/bin/sh\n'''exec' '{python}' \"$0\" \"$@\"\n' '''\n",
        f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n",
    ):
        assert normalise_script(f"{header}code\n".encode(), scripts) == HEADER + b"\ncode\n", header


def test_arguments_of_the_interpreter_stay(tmp_path: Path) -> None:
    scripts = tmp_path / "bin"
    for header in (
        f"#!{scripts}/python -I -E\n",
        f'#!"{scripts}/python" -I -E\n',
        f"#!/bin/sh\n'''exec' {scripts}/python -I -E \"$0\" \"$@\"\n' '''\n",
    ):
        assert normalise_script(f"{header}code\n".encode(), scripts) == HEADER + b" -I -E\ncode\n", header


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#!",
        b"#!\n",
        b"no header\n",
        b"#!/bin/sh\n",
        b"#!/bin/sh\necho '''exec' python\n",
        b"#!/bin/sh\n'''exec' /usr/bin/python3 \"$0\" \"$@\"\n' '''\nimport x\n",
        b"#!/bin/sh\n'''exec' 'unbalanced \"$0\" \"$@\"\n' '''\nimport x\n",
        b"#!/usr/bin/env python3\nimport x\n",
        b"#!/usr/bin/python3 -E\nimport x\n",
        b"#!python\nimport x\n",
        b'#!"\n',
        b"#!\xff\xfe\n",
        b"MZ not really a program",
        b"\x7fELF\x02\x01",
    ],
)
def test_what_another_program_runs_stays_as_it_is(tmp_path: Path, data: bytes) -> None:
    assert normalise_script(data, tmp_path / "bin") == data


def test_an_environment_below_this_one_is_another(tmp_path: Path) -> None:
    data = f"#!{tmp_path}/bin/sub/python\n".encode()
    assert normalise_script(data, tmp_path / "bin") == data


def test_windows_line_ends_stay(tmp_path: Path) -> None:
    data = f"#!{tmp_path}/bin/python\r\ncode\r\n".encode()
    assert normalise_script(data, tmp_path / "bin") == HEADER + b"\r\ncode\r\n"


def test_windows_launchers_differ_neither_by_place_nor_by_time(tmp_path: Path) -> None:
    """Launchers as the installer writes them; their archives hold the time."""

    def launcher(scripts: Path, when: tuple[int, int, int, int, int, int], code: bytes) -> bytes:
        _, made = Script("tool", "pkg", "main", "console").generate(f"{scripts}/python.exe", "win-amd64")
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(zipfile.ZipInfo("__main__.py", when), code)
        with zipfile.ZipFile(io.BytesIO(made)) as theirs:
            start = theirs.infolist()[0].header_offset
        return made[:start] + stream.getvalue()

    here, there = tmp_path / "here", tmp_path / "with spaces" / "there"
    first = normalise_script(launcher(here, (2020, 1, 1, 0, 0, 0), b"code"), here)
    second = normalise_script(launcher(there, (2026, 2, 2, 2, 2, 2), b"code"), there)
    other = normalise_script(launcher(here, (2020, 1, 1, 0, 0, 0), b"other"), here)
    assert first == second
    assert first.endswith(HEADER + b"\n__main__.py\0code")
    assert first != other
