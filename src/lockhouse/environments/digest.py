"""The tree digest: one number for what an environment holds, equal on every machine with the same target.

docs/digest.md is its definition; what is here computes it. It counts what wheels brought, so that neither the path of
an environment, nor the patch release of its Python, nor who installed it changes the number.
"""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import stat
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lockhouse.environments import Scheme
from lockhouse.environments.seal import OWN, Seal

__all__ = ["INTERPRETER", "digest_lines", "normalise_script", "tree_digest"]

INTERPRETER = b"#!<python>"
"""What stands in place of the header of a script that the environment's own interpreter runs."""

# Written by installers about themselves; RECORD holds the hash of scripts, which name the environment's path.
INSTALLER_NOTES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
CONFIGURATION = frozenset({"pyvenv.cfg", "pip.conf", "pip.ini"})
BYTECODE = (".pyc", ".pyo")

File = tuple[str, str, str]
"""Name, ``x`` or ``-``, and sha256 (hex) of a file in a folder."""

SHELL = b"#!/bin/sh"
EXEC = b"'''exec' "
PASSED_ON = b' "$0" "$@"'
END_OF_EXEC = b"' '''"


def tree_digest(root: Path, seal: Seal, scheme: Scheme, scaffold: Mapping[str, str]) -> str:
    """Compute the tree digest (sha256, hex) of the sealed environment at ``root``.

    ``scaffold`` is what its provider made (:mod:`lockhouse.environments.scaffold`).
    """
    lines = _lines(root, seal, scheme, scaffold)
    text = "".join(sorted(lines))
    # The order of text is that of its bytes, unless a path holds bytes that are no text.
    data = text.encode() if text.isascii() else b"".join(_in_order(lines))
    return hashlib.sha256(data).hexdigest()


def digest_lines(root: Path, seal: Seal, scheme: Scheme, scaffold: Mapping[str, str]) -> list[bytes]:
    """Give the lines that the tree digest is made of: two digests differ where these do."""
    return _in_order(_lines(root, seal, scheme, scaffold))


def _in_order(lines: Iterable[str]) -> list[bytes]:
    # NUL comes before everything that a path can hold: the order of lines is that of paths.
    return sorted(map(os.fsencode, lines))


def _lines(root: Path, seal: Seal, scheme: Scheme, scaffold: Mapping[str, str]) -> list[str]:
    scripts = f"{scheme.scripts.relative_to(root).as_posix()}/"
    marks = {mode: _executable(mode) for mode in set(seal.modes)}
    hashes = seal.hashes.hex()
    above = {path[: end + 1] for path in scaffold for end, character in enumerate(path) if character == "/"}
    lines: list[str] = []
    end = 0
    for prefix, names in zip(seal.folders, seal.names, strict=True):
        begin, end = end, end + len(names)
        if prefix.startswith(OWN):
            continue
        # Almost every folder is like any other, and there are tens of thousands of files.
        rows = zip(names, seal.modes[begin:end], range(begin * 64, end * 64, 64), strict=True)
        special = _is_special(prefix) or prefix in above
        if not (special or prefix.startswith(scripts)):
            lines += [
                f"{prefix}{name}\0{marks[mode]}\0{hashes[start : start + 64]}\n"
                for name, mode, start in rows
                if not name.endswith(BYTECODE)
            ]
            continue
        files: Iterable[File] = ((name, marks[mode], hashes[start : start + 64]) for name, mode, start in rows)
        files = _counted(prefix, files, scaffold)
        if prefix.startswith(scripts):
            files = _normalised(root / prefix, files, scheme.scripts)
        lines += [f"{prefix}{name}\0{mark}\0{sha}\n" for name, mark, sha in files if not name.endswith(BYTECODE)]
    return lines


def _is_special(prefix: str) -> bool:
    """Whether there can be files in a folder that do not count, besides bytecode and scaffold."""
    return not prefix or prefix.endswith(".dist-info/") or "__pycache__/" in prefix


def _counted(prefix: str, files: Iterable[File], scaffold: Mapping[str, str]) -> Iterator[File]:
    """Give the files of a folder that take part. A scaffold file that a wheel has replaced does."""
    *folders, _ = prefix.split("/")
    if "__pycache__" in folders:
        return
    ignored = INSTALLER_NOTES if folders and folders[-1].endswith(".dist-info") else frozenset()
    if not prefix:
        ignored = CONFIGURATION
    for file in files:
        name, _, sha256 = file
        if name not in ignored and scaffold.get(prefix + name) != sha256:
            yield file


def _normalised(folder: Path, files: Iterable[File], scripts: Path) -> Iterator[File]:
    for name, mark, sha256 in files:
        yield name, mark, _hash_script(folder / name, sha256, scripts)


def normalise_script(data: bytes, scripts: Path) -> bytes:
    """Return a script's content without the path of the interpreter in folder ``scripts`` that runs it.

    Understands the three headers that installers write, plain, quoted, and through ``/bin/sh`` for paths that are too
    long or have spaces, and the launchers of Windows. What another program runs stays as it is.
    """
    if data.startswith(b"#!"):
        return _without_header(data, scripts)
    if data.startswith(b"MZ"):
        return _without_launcher(data, scripts)
    return data


def _executable(mode: int) -> str:
    # Windows has no such bit: what Python shows there follows from the file's name.
    return "x" if mode & stat.S_IXUSR and sys.platform != "win32" else "-"


def _hash_script(path: Path, sha256: str, scripts: Path) -> str:
    with path.open("rb") as file:
        start = file.read(2)
        if start not in (b"#!", b"MZ"):
            return sha256  # a program of many megabytes is not read again
        data = start + file.read()
    return hashlib.sha256(normalise_script(data, scripts)).hexdigest()


def _without_header(data: bytes, scripts: Path) -> bytes:
    line, newline, rest = data.partition(b"\n")
    if line == SHELL and rest.startswith(EXEC):
        command, _, after = rest.partition(b"\n")
        end, _, body = after.partition(b"\n")
        if command.endswith(PASSED_ON) and end == END_OF_EXEC:
            words = _shell_words(command.removeprefix(EXEC).removesuffix(PASSED_ON))
            if words and _is_interpreter(words[0], scripts):
                return b" ".join([INTERPRETER, *(os.fsencode(word) for word in words[1:])]) + b"\n" + body
        return data
    stripped = line.rstrip(b"\r")
    arguments = _after_interpreter(stripped[2:].strip(), scripts)
    if arguments is None:
        return data
    return INTERPRETER + arguments + line[len(stripped) :] + newline + rest


def _shell_words(text: bytes) -> list[str]:
    try:
        return shlex.split(os.fsdecode(text))
    except ValueError:
        return []


def _after_interpreter(command: bytes, scripts: Path) -> bytes | None:
    """Return what follows the interpreter in a header's command; None if another program is named there."""
    if command.startswith(b'"'):
        path, _, arguments = command[1:].partition(b'"')
        return arguments if _is_interpreter(os.fsdecode(path), scripts) else None
    # A path with spaces may stand there unquoted, so every space may be where it ends.
    ends = [position for position, byte in enumerate(command) if byte in b" \t"]
    for end in (*ends, len(command)):
        if _is_interpreter(os.fsdecode(command[:end]), scripts):
            return command[end:]
    return None


def _is_interpreter(path: str, scripts: Path) -> bool:
    folder, name = os.path.split(path)
    if not (name and os.path.isabs(path)):  # noqa: PTH117
        return False
    return folder == str(scripts) or os.path.realpath(folder) == os.path.realpath(scripts)


def _without_launcher(data: bytes, scripts: Path) -> bytes:
    """Reduce a Windows launcher to program, header and code.

    It is an executable, a header line and a zip archive, one after the other; the archive holds the time it was made.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = sorted(archive.infolist(), key=lambda member: member.filename)
            if not members:
                return data
            start = data.rfind(b"#!", 0, min(member.header_offset for member in members))
            if start < 0:
                return data
            header, _, _ = data[start:].partition(b"\n")
            contents = [member.filename.encode() + b"\0" + archive.read(member) for member in members]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError):
        return data
    return data[:start] + _without_header(header + b"\n", scripts) + b"\0".join(contents)
