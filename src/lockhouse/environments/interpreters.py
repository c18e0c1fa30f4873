"""Finding the Python interpreters of a machine, and asking each what it is.

Every candidate is asked once, in a process of its own; the answer is kept in the user's cache under the file's path,
time and size, so that the next run starts no process. An interpreter of a virtual environment is replaced by the one
that the environment was made from: an environment built on a virtual one would break with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.version import Version

from lockhouse.codec import decode
from lockhouse.environments.fingerprint import file_state
from lockhouse.environments.places import Places, base_interpreter, is_script
from lockhouse.errors import StorageError
from lockhouse.host import Interpreter, Probe
from lockhouse.probing import run_limited
from lockhouse.project import cache_directory
from lockhouse.state import read_value, write_value
from lockhouse.values import dataclass

__all__ = ["FACTS", "Answer", "Found", "find_interpreters", "interpreter_from", "read_answer"]

TIMEOUT = 10.0
"""Seconds for an interpreter to start and answer: 0.02 as a rule, seconds from a cold network drive."""

# The keys are those of packaging.markers.default_environment, by the definitions of PEP 508, "Environment Markers".
FACTS = r"""
import json, os, platform, sys, sysconfig
info = sys.implementation.version
level = "" if info.releaselevel == "final" else info.releaselevel[0] + str(info.serial)
facts = {
    "executable": sys.executable,
    "free-threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "debug": hasattr(sys, "gettotalrefcount"),
    "platform": sysconfig.get_platform(),
    "markers": {
        "implementation_name": sys.implementation.name,
        "implementation_version": "%d.%d.%d" % tuple(info[:3]) + level,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    },
}
"""
"""Code that makes ``facts``, what :func:`read_answer` takes; it runs on any Python 3."""

QUESTION = f"{FACTS}print(json.dumps(facts))"

MARKERS = frozenset(re.findall(r'"(\w+)": ', FACTS.partition('"markers"')[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one interpreter says about itself."""

    executable: str
    free_threaded: bool
    debug: bool
    platform: str
    markers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The interpreters that can be used, best first, and the ledger of all that were asked."""

    interpreters: tuple[Interpreter, ...]
    probes: tuple[Probe, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    answer: Answer | None
    seconds: float
    error: str | None


def find_interpreters(places: Places | None = None, running: Path | None = None) -> Found:
    """Find the interpreters of this machine.

    Order: the one that lockhouse itself runs on (``running``), those on PATH in its order, the others by version,
    newest first. Builds without the GIL and debug builds are left out: they need wheels of their own.
    """
    places = places or Places.here()
    # Three ranks; within one the order of the candidates stays.
    ranked = [(0, running or Path(sys.executable)), *((1, path) for path in places.on_path())]
    ranked += [(2, path) for path in places.elsewhere()]
    bases: dict[str, tuple[int, Path]] = {}
    lost: list[Probe] = []
    for rank, path in ranked:
        base = base_interpreter(path)
        if base is None:
            lost.append(_probe(path, _Asked(None, 0.0, "virtual environment whose base interpreter is gone")))
        elif (real := os.path.realpath(base)) not in bases:
            bases[real] = (rank, base)
    candidates = list(bases.values())
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="interpreter") as pool:
        asked = list(pool.map(lambda candidate: _ask(candidate[1], places), candidates))
    probes = [_probe(path, result) for (_, path), result in zip(candidates, asked, strict=True)]
    usable = [
        (rank, interpreter_from(result.answer))
        for (rank, _), result in zip(candidates, asked, strict=True)
        if result.answer is not None and _objection(result.answer) is None
    ]
    interpreters = _distinct(item for rank, item in usable if rank < 2)
    others = sorted((item for rank, item in usable if rank == 2), key=_version, reverse=True)
    return Found(interpreters=tuple(_distinct([*interpreters, *others])), probes=(*probes, *lost))


def _ask(path: Path, places: Places) -> _Asked:
    # What a shim starts depends on settings that its own time and size do not show.
    if is_script(path):
        return _started(path, places)
    key = f"{os.path.realpath(path)}\0{file_state(path)}"
    kept = (
        cache_directory()
        / "interpreters"
        / f"{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()}.json"
    )
    answer = read_value(kept, Answer, "interpreter")
    if answer is not None:
        return _Asked(answer, 0.0, None)
    asked = _started(path, places)
    if asked.answer is not None:
        try:
            write_value(kept, asked.answer, "interpreter")
        except StorageError:
            return asked  # a cache that cannot be written costs time and nothing else
    return asked


def _started(path: Path, places: Places) -> _Asked:
    started = time.monotonic()
    environ = {name: value for name, value in places.environ.items() if not name.startswith("PYTHON")}

    def outcome(answer: Answer | None, error: str | None) -> _Asked:
        return _Asked(answer, round(time.monotonic() - started, 4), error)

    try:
        status, output, complaint = run_limited([str(path), "-I", "-S", "-c", QUESTION], TIMEOUT, environ)
    except OSError as error:
        return outcome(None, error.strerror or str(error))
    if status is None:
        return outcome(None, f"no answer within {TIMEOUT:g} s; stopped")
    if status != 0:
        return outcome(None, f"exit status {status}: {(complaint.strip().splitlines() or [''])[-1][:300]}")
    try:
        return outcome(read_answer(json.loads(output)), None)
    except (ValueError, RecursionError) as error:
        return outcome(None, f"answered nonsense: {error}")


def read_answer(facts: object) -> Answer:
    """Understand what :data:`FACTS` gave; raise ValueError where it is nonsense."""
    answer = decode(Answer, facts)
    if missing := MARKERS - answer.markers.keys():
        raise ValueError(f"no {', '.join(sorted(missing))}")
    Version(answer.markers["python_full_version"].removesuffix("+"))
    json.dumps(facts, ensure_ascii=False).encode()  # a path that is no text cannot stand in any of our files
    return answer


def interpreter_from(answer: Answer) -> Interpreter:
    """Make the value of an answer; its executable is the one with the version in its name, if there is one."""
    # The kernel may be a newer one than at the time of a kept answer.
    now = {"platform_release": platform.release(), "platform_version": platform.version()}
    markers = answer.markers | now
    executable = Path(answer.executable)
    versioned = executable.with_name(f"python{markers['python_version']}{executable.suffix if os.name == 'nt' else ''}")
    # "python3" may be another version tomorrow, "python3.11" will not.
    if os.path.realpath(versioned) == os.path.realpath(executable):
        executable = versioned
    return Interpreter(
        executable=str(executable),
        version=markers["python_full_version"],
        implementation=markers["implementation_name"],
        markers=markers,
    )


def _distinct(interpreters: Iterable[Interpreter]) -> list[Interpreter]:
    """Drop repetitions: a shim and the interpreter that it starts are the same."""
    return list({os.path.realpath(item.executable): item for item in reversed(list(interpreters))}.values())[::-1]


def _objection(answer: Answer) -> str | None:
    if answer.free_threaded:
        return "a free-threaded build: left out"
    return "a debug build: left out" if answer.debug else None


def _probe(path: Path, asked: _Asked) -> Probe:
    answer = asked.answer
    said = f"{answer.markers['python_full_version']} {answer.markers['implementation_name']}" if answer else None
    error = asked.error or (_objection(answer) if answer else None)
    return Probe(name=f"python:{path}", answer=said, seconds=asked.seconds, error=error)


def _version(interpreter: Interpreter) -> Version:
    return Version(interpreter.version.removesuffix("+"))  # a build between releases says 3.13.0+
