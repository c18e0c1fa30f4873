"""Asking an environment's interpreter where things are. It is the only thing of a host that is ever run to read it.

The interpreter says where it imports from, where wheels would go, and which markers hold. What lies there is read by
:mod:`lockhouse.hosts.reading`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from lockhouse.codec import DecodeError, decode
from lockhouse.environments.interpreters import FACTS, interpreter_from, read_answer
from lockhouse.errors import Hint, InterpreterNotFound, SubprocessFailed
from lockhouse.host import Interpreter
from lockhouse.probing import run_limited
from lockhouse.values import dataclass

__all__ = ["HostAnswer", "ask_host"]

TIMEOUT = 60.0
"""Seconds: what ``.pth`` files of a host run at its start may take some."""

MARK = "lockhouse-host:"

# "include" is where CPython's own headers are; venv has another place for those of distributions, and Debian's
# interpreter has none of its own for what does not come with the system.
QUESTION = rf"""{FACTS}
import site
paths = sysconfig.get_paths()
standard = sysconfig.get_paths(vars={{"base": sys.base_prefix, "platbase": sys.base_exec_prefix}})
release = "python%d.%d" % sys.version_info[:2]
inside = sys.prefix != sys.base_prefix
headers = paths["include"]
if inside and os.name != "nt":
    headers = os.path.join(sys.prefix, "include", "site", release)
elif not headers.startswith(paths["data"] + os.sep):
    headers = os.path.join(paths["data"], "include", release)
facts["host"] = {{
    "prefix": sys.prefix,
    "base": sys.base_prefix,
    "path": [str(item) for item in sys.path if item],
    "sites": list(getattr(site, "getsitepackages", list)()),
    "user": site.getusersitepackages() if site.ENABLE_USER_SITE else None,
    "standard": [standard["stdlib"], standard["platstdlib"], os.path.join(standard["platstdlib"], "lib-dynload"),
                 os.path.join(sys.base_prefix, "DLLs"), sys.base_prefix],
    "places": {{"purelib": paths["purelib"], "platlib": paths["platlib"], "scripts": paths["scripts"],
               "data": paths["data"], "headers": headers}},
}}
print()
print("{MARK}" + json.dumps(facts))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """The host's part of an answer, as it comes."""

    prefix: str
    base: str
    path: tuple[str, ...]
    sites: tuple[str, ...]
    user: str | None
    standard: tuple[str, ...]
    places: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAnswer:
    """What a host's interpreter says. ``path`` is ``sys.path`` without the standard library, ``sites`` its own folders.

    ``user`` is the user's folder, None where it takes no part; ``standard`` are the folders of the standard library.
    The rest is as in :class:`~lockhouse.inventory.Inventory`.
    """

    interpreter: Interpreter
    prefix: str
    base: str
    path: tuple[str, ...]
    sites: tuple[str, ...]
    user: str | None
    standard: tuple[str, ...]
    places: Mapping[str, str]


def ask_host(python: Path, environ: Mapping[str, str] | None = None) -> HostAnswer:
    """Ask the interpreter of a host; raises InterpreterNotFound, and SubprocessFailed when it gives no answer.

    It starts as a notebook's kernel does, with the user's folder and ``.pth`` files, and without PYTHON* variables and
    whatever lies in the present folder.
    """
    environ = os.environ if environ is None else environ
    # -I would do without the user's folder, which kernels and scripts of a host do import from.
    options = ["-E", "-B", *(["-s"] if environ.get("PYTHONNOUSERSITE") else [])]
    argv = [str(python), *options, "-c", QUESTION]
    clean = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
    try:
        status, output, complaint = run_limited(argv, TIMEOUT, clean)
    except OSError as error:
        raise InterpreterNotFound("of the host", cause=f"{python}: {error.strerror or error}") from error
    try:
        if status != 0:
            raise ValueError("no answer")
        answer = json.loads(next(line for line in reversed(output.splitlines()) if line.startswith(MARK))[len(MARK) :])
        host = decode(_Places, answer.pop("host"))
        interpreter = interpreter_from(read_answer(answer))
    except (ValueError, KeyError, StopIteration, DecodeError, AttributeError) as error:
        raise SubprocessFailed(
            f"the host's interpreter {python} does not say what it is",
            argv=argv[:1],
            status=status,
            output=complaint or output,
            hints=[Hint("start-host", f"see whether `{python} -c 'import site'` works, and repair that first")],
        ) from error
    standard = {os.path.realpath(path) for path in host.standard}
    return HostAnswer(
        interpreter=interpreter,
        prefix=host.prefix,
        base=host.base,
        path=tuple(path for path in host.path if os.path.realpath(path) not in standard),
        sites=host.sites,
        user=host.user,
        standard=host.standard,
        places=host.places,
    )
