"""Which environment a manifest with provider ``host`` means.

``environment.path`` names it: its folder, or its interpreter. Without one (it is the default, ``.venv``, and nothing is
there) it is the environment that lockhouse itself runs in, as in a notebook, or else the first interpreter on PATH of
the wanted version.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from lockhouse.environments.places import Places
from lockhouse.errors import Hint, InterpreterNotFound, UsageError
from lockhouse.hosts.asking import HostAnswer, ask_host
from lockhouse.manifest import EnvironmentWish

__all__ = ["find_host", "interpreter_in"]

DEFAULT = EnvironmentWish().path


def find_host(root: Path, path: str, version: str | None) -> HostAnswer:
    """Find the host of a project at ``root`` and ask it; ``path`` and ``version`` are those of the manifest.

    Without a version, any will do.

    Raises UsageError where ``path`` is no environment, InterpreterNotFound where it has another version of Python.
    """
    chosen = root / Path(path).expanduser()
    python = interpreter_in(chosen)
    if python is not None:
        answer = ask_host(python)
        if version is not None and not _is(answer, version):
            raise InterpreterNotFound(
                version, cause=f"{chosen} is an environment of Python {answer.interpreter.version}"
            )
        return answer
    if path != DEFAULT or os.path.lexists(chosen):
        raise UsageError(
            f"{chosen} is no environment",
            cause="it holds no interpreter" if chosen.exists() else "it does not exist",
            hints=[
                Hint("name-host", "let environment.path name the folder of the host's environment, or its interpreter")
            ],
        )
    seen = []
    for candidate in _candidates():
        answer = ask_host(candidate)
        if version is None or _is(answer, version):
            return answer
        seen.append(f"{candidate} is {answer.interpreter.version}")
    raise InterpreterNotFound(str(version), cause="; ".join(seen))


def interpreter_in(path: Path) -> Path | None:
    """The interpreter of an environment's folder, or ``path`` itself if that is one; None if there is none.

    A conda environment on Windows has it at its top.
    """
    names = ("Scripts/python.exe", "python.exe") if os.name == "nt" else ("bin/python", "bin/python3")
    candidates = [path / name for name in names] if path.is_dir() else [path]
    return next((item for item in candidates if item.is_file() and os.access(item, os.X_OK)), None)


def _candidates() -> Iterator[Path]:
    yield Path(sys.executable)
    yield from Places.here().on_path()


def _is(answer: HostAnswer, version: str) -> bool:
    return version in (answer.interpreter.version, answer.interpreter.release)
