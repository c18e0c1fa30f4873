"""Bytecode of the store: each wheel compiled once for each interpreter, beside its entry, to be linked along.

It is the interpreter's own work, in a process of its own: bytecode of one is nothing to another. It is *unchecked* in
the words of PEP 552: Python takes it without looking at the source, which the seal vouches for. Nothing in it depends
on the place, the time or the machine: paths are those in the wheel (Python puts the true ones in when it loads them),
and it is written without references between objects, which would depend on what else the process had in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lockhouse.columns import INODE
from lockhouse.environments.removal import remove_tree
from lockhouse.environments.tree import hash_files, scan
from lockhouse.errors import StorageError, SubprocessFailed
from lockhouse.events import Emit, Progress, discard
from lockhouse.host import Interpreter
from lockhouse.state import current_boot, move, storage_errors
from lockhouse.store.entries import FILES, Entry, mtime_of
from lockhouse.store.index import Folder, Kept, read_index, write_index
from lockhouse.store.soundness import is_damaged, is_settled
from lockhouse.values import dataclass

__all__ = ["Compiled", "compile_all", "compiled"]

SCHEMA = "lockhouse.bytecode/3"
TIMEOUT = 3600.0
"""Seconds for one wheel; the largest known, some thousand modules, need half a minute."""

# Runs in the target interpreter, 3.8 or later. Format 2 of marshal is the last without references; what it cannot say
# (slices in Python 3.14) is left to the newest. What is no Python of this version stays without bytecode.
CODE = r"""
import _imp, importlib.util, json, marshal, os, sys
job = json.load(sys.stdin)
for path, shown in job["paths"]:
    with open(os.path.join(job["source"], path), "rb") as file:
        source = file.read()
    try:
        code = compile(source, shown, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        continue
    try:
        data = marshal.dumps(code, 2)
    except ValueError:
        data = marshal.dumps(code)
    magic = importlib.util.MAGIC_NUMBER
    place = importlib.util.cache_from_source(os.path.join(job["target"], path), optimization="")
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place, "xb") as file:
        file.write(magic + (1).to_bytes(4, "little") + importlib.util.source_hash(source) + data)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The bytecode of an entry. ``home`` is all of it, ``folder`` holds the files as they belong beside the wheel's.

    ``kept`` and ``boot`` are as in Entry.
    """

    home: Path
    kept: Kept
    boot: str

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self.home / FILES


def compiled(entry: Entry, interpreter: Interpreter) -> Compiled | None:
    """Return the bytecode of an entry for an interpreter; None if it was not compiled, or its index is damaged."""
    home = _home(entry, interpreter)
    found = read_index(home, SCHEMA)
    if found is None:
        return None
    head, kept = found
    return Compiled(home=home, kept=kept, boot=head.get("boot", ""))


def compile_all(
    entries: Sequence[Entry], interpreter: Interpreter, emit: Emit = discard, *, step: str = "install"
) -> tuple[Compiled, ...]:
    """Compile entries unless that has been done, as many at once as there are processors; results in their order.

    Every file of what is there is looked at, and what was damaged is made anew.
    Each appears at one instant, whole; several processes may do the same. Raises SubprocessFailed when the interpreter
    does not do it, StorageError.
    """
    known = {
        entry.sha256: found
        for entry in entries
        if (found := compiled(entry, interpreter)) and not is_damaged(found.folder, found.kept) and _is_settled(found)
    }
    # The largest first, so that one of them does not run alone at the end.
    missing = sorted((entry for entry in entries if entry.sha256 not in known), key=lambda entry: -len(entry.paths))
    if missing:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            done = pool.map(lambda entry: _compile(entry, interpreter), missing)
            for count, (entry, found) in enumerate(zip(missing, done, strict=True), 1):
                known[entry.sha256] = found
                emit(Progress(step=step, item="compiling", done=count, total=len(missing), unit="wheels"))
    return tuple(known[entry.sha256] for entry in entries)


def _home(entry: Entry, interpreter: Interpreter) -> Path:
    # Two builds of one version may differ, a free-threaded one for instance; where they are tells them apart.
    build = hashlib.sha256(interpreter.executable.encode()).hexdigest()[:8]
    return entry.home / f"bytecode-{interpreter.implementation}-{interpreter.version}-{build}"


def _compile(entry: Entry, interpreter: Interpreter) -> Compiled:
    home = _home(entry, interpreter)
    # Inside the entry: it goes when the entry goes, also what a killed process leaves of it.
    draft = entry.home / f".compiling-{secrets.token_hex(8)}"
    with storage_errors(home):
        try:
            (draft / FILES).mkdir(parents=True)
            _run(entry, interpreter, draft / FILES)
            _seal(draft)
            _publish(draft, home, lambda: _usable(entry, interpreter))
        finally:
            if draft.exists():
                remove_tree(draft)
    found = compiled(entry, interpreter)
    if found is None:
        raise StorageError(f"cannot write {home}", cause="what was written there cannot be read")
    return found


def _usable(entry: Entry, interpreter: Interpreter) -> bool:
    found = compiled(entry, interpreter)
    return found is not None and not is_damaged(found.folder, found.kept)


def _run(entry: Entry, interpreter: Interpreter, target: Path) -> None:
    job = {"source": str(entry.folder), "target": str(target), "paths": list(_modules(entry))}
    if not job["paths"]:
        return
    # Nothing of the user's takes part, and nothing of site-packages. Before 3.11 the order of a set shows in bytecode,
    # and -I would not let the seed through.
    argv = [interpreter.executable, "-s", "-S", "-B", "-X", "utf8", "-W", "ignore", "-c", CODE]
    environ = {name: value for name, value in os.environ.items() if not name.upper().startswith("PYTHON")}
    summary = f"{entry.filename} could not be compiled"
    try:
        done = subprocess.run(
            argv,
            input=json.dumps(job),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT,
            check=False,
            cwd=target.parent,
            env=environ | {"PYTHONHASHSEED": "0"},
        )
    except subprocess.TimeoutExpired as expired:
        raise SubprocessFailed(summary, argv=argv, status=None, output="") from expired
    except OSError as error:
        raise SubprocessFailed(summary, argv=argv, status=127, output=error.strerror or str(error)) from error
    if done.returncode:
        raise SubprocessFailed(summary, argv=argv, status=done.returncode, output=done.stdout)


def _modules(entry: Entry) -> Iterator[tuple[str, str]]:
    """Give the Python sources that can be imported: their paths in the wheel, and below the folder of packages."""
    inside = f"{entry.data_dir}/"
    importable = (f"{inside}purelib/", f"{inside}platlib/")
    for path in entry.paths:
        if not path.endswith(".py"):
            continue
        if not path.startswith(inside):
            yield path, path
        elif path.startswith(importable):
            yield path, path.removeprefix(inside).partition("/")[2]


def _seal(draft: Path) -> None:
    """Make the files of a draft what files of the store are, and write its index: the last thing that happens there."""
    root = draft / FILES
    found = sorted((prefix, sorted(entry.name for entry in entries)) for prefix, entries in scan(root) if entries)
    paths = [prefix + name for prefix, names in found for name in names]
    states = [(root / path).stat() for path in paths]
    sizes = [state.st_size for state in states]
    hashes = hash_files(root, list(zip(paths, sizes, strict=True)), lambda _: None)
    mtimes = [mtime_of(hashes[path] or "0") for path in paths]
    for path, mtime in zip(paths, mtimes, strict=True):
        os.utime(root / path, ns=(mtime, mtime))
        (root / path).chmod(0o444)
    kept = Kept(
        folders=tuple(Folder(prefix.rstrip("/"), tuple(names)) for prefix, names in found),
        modes=array("H", bytes(2 * len(paths))),
        sizes=array("Q", sizes),
        hashes=bytes.fromhex("".join(hashes[path] or "" for path in paths)),
        inodes=array("Q", (state.st_ino & INODE for state in states)),
        mtimes=array("q", mtimes),
    )
    write_index(draft, {"schema": SCHEMA, "boot": current_boot()}, kept)


def _is_settled(made: Compiled) -> bool:
    return is_settled(made.home, made.folder, made.kept, made.boot)


def _publish(draft: Path, home: Path, usable: Callable[[], bool]) -> None:
    for _ in range(3):
        try:
            move(draft, home)
            return
        except OSError:
            if not home.exists():
                raise
        if usable():
            return  # another process was first: what it made serves as well
        remove_tree(home)
