"""Empty virtual environments, made once per interpreter by its own ``venv`` and repeated from then on.

Starting an interpreter that imports ``venv`` takes as long as linking thousands of files. What it writes names two
things, the environment's path and its prompt: a template has stand-ins for both, and repeating it puts the real ones in
their place. A template is one file in the user's cache; one that is damaged counts as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import lockhouse
from lockhouse.codec import digest_of
from lockhouse.environments.fingerprint import file_state
from lockhouse.errors import StorageError
from lockhouse.host import Interpreter
from lockhouse.project import cache_directory
from lockhouse.state import read_value, write_value
from lockhouse.values import dataclass

__all__ = ["repeat_template"]

PLAIN = re.compile(r"[A-Za-z0-9_./-]+")
"""Paths and prompts that stand in every shell's script as they are, without quotes of any kind."""

PROMPT = "lockhouse-template-prompt"
SCHEMA = "environment-template"


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file of a template; ``mode`` are its permission bits."""

    path: str
    mode: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """What ``venv`` made at ``place``: folders from the top down, files, links by path with their targets."""

    place: str
    folders: tuple[str, ...]
    files: tuple[_File, ...]
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    template: _Template
    digest: str


def repeat_template(path: Path, prompt: str, interpreter: Interpreter, make: Callable[[Path, str], None]) -> bool:
    """Fill the existing folder ``path`` with an empty environment; False if ``venv`` itself has to do it.

    The result is byte for byte what ``make(path, prompt)`` would have written, which starts ``venv``; it is called for
    a template where there is none, and what it raises is raised. Raises OSError when ``path`` cannot be written.
    """
    if PLAIN.fullmatch(str(path)) is None or PLAIN.fullmatch(prompt) is None:
        return False
    known = (
        lockhouse.__version__,
        interpreter.executable,
        interpreter.version,
        file_state(Path(interpreter.executable)),
    )
    name = hashlib.sha256("\0".join(known).encode()).hexdigest()[:32]
    kept = cache_directory() / "environments" / f"{name}.json"
    template = _read(kept) or _prepare(kept, make)
    if template is None:
        return False
    for folder in template.folders:
        (path / folder).mkdir(exist_ok=True)
    for place, target in template.links.items():
        (path / place).symlink_to(target)
    for file in template.files:
        text = file.text.replace(template.place, str(path)).replace(PROMPT, prompt)
        (path / file.path).write_bytes(text.encode())
        (path / file.path).chmod(file.mode)
    return True


def _read(kept: Path) -> _Template | None:
    found = read_value(kept, _Kept, SCHEMA)
    return found.template if found is not None and found.digest == digest_of(found.template) else None


def _prepare(kept: Path, make: Callable[[Path, str], None]) -> _Template | None:
    """Make a template and keep it; None where that is not possible, which costs time and nothing else."""
    tree = kept.parent / f".new-{os.urandom(8).hex()}"
    if PLAIN.fullmatch(str(tree)) is None:
        return None
    try:
        tree.mkdir(parents=True)
    except OSError:
        return None
    try:
        make(tree, PROMPT)
        template = _describe(tree)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    if template is not None:
        with contextlib.suppress(StorageError):
            write_value(kept, _Kept(template=template, digest=digest_of(template)), SCHEMA)
    return template


def _describe(tree: Path) -> _Template | None:
    """Note what is in a fresh environment; None for what would not work elsewhere: programs, links back into it."""
    folders: list[str] = []
    files: list[_File] = []
    links: dict[str, str] = {}
    try:
        for folder, inner, names in os.walk(tree):
            for name in (*inner, *names):
                item = Path(folder, name)
                place = item.relative_to(tree).as_posix()
                if item.is_symlink():
                    links[place] = os.readlink(item)  # noqa: PTH115 - its text, whatever that leads to
                elif item.is_dir():
                    folders.append(place)
                else:
                    mode = stat.S_IMODE(item.stat().st_mode)
                    files.append(_File(path=place, mode=mode, text=item.read_bytes().decode()))
    except (OSError, UnicodeDecodeError):
        return None
    if any(str(tree) in target for target in links.values()):
        return None
    return _Template(place=str(tree), folders=tuple(folders), files=tuple(files), links=links)
