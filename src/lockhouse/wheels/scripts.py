"""Scripts of an environment: commands made from entry points, and scripts that wheels bring without an interpreter.

The text of a command is lockhouse's own, because the tree digest counts it: another release of a library must not
change what an environment is. On Windows commands are launchers with an archive, and both are those of installer.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lockhouse.errors import UnsafeWheel
from lockhouse.wheels.commands import TARGET, EntryPoint, is_command
from lockhouse.wheels.issues import Issue

if TYPE_CHECKING:
    from lockhouse.store.entries import Entry

__all__ = ["check_commands", "generate_script", "with_interpreter"]

LONGEST = 127
"""Bytes of a first line, its newline among them, that every kernel reads to its end: Linux before 5.1 reads no more."""

COMMAND = """\
import sys

from {module} import {name}

if __name__ == "__main__":
    sys.exit({attribute}())
"""


def check_commands(entry: Entry) -> None:
    """Raise UnsafeWheel for a command that is none: what is written into a script must be names and nothing else."""
    for name, target, _ in entry.commands:
        if not is_command(name, target):
            detail = f"{name} = {target} is no command of the form name = module:function"
            raise UnsafeWheel(entry.filename, Issue.COMMAND, detail)


def generate_script(point: EntryPoint, python: Path) -> tuple[str, bytes]:
    """Return file name and content of the script that runs a command, whose form has been checked, with ``python``."""
    match = TARGET.fullmatch(point.target)
    assert match is not None
    module, attribute = match["module"], match["attribute"]
    if sys.platform == "win32":
        from installer.scripts import Script
        from installer.utils import get_launcher_kind

        section: Literal["gui", "console"] = "gui" if point.gui else "console"
        return Script(point.name, module, attribute, section).generate(str(python), get_launcher_kind())
    text = COMMAND.format(module=module, name=attribute.partition(".")[0], attribute=attribute)
    return point.name, _header(python) + text.encode()


def with_interpreter(data: bytes, python: Path) -> bytes:
    """Put an interpreter where a script says ``#!python``, as the wheel standard asks ("Recommended features")."""
    _, _, rest = data.partition(b"\n")
    if sys.platform == "win32":
        return b"#!" + os.fsencode(python) + b"\n" + rest
    return _header(python) + rest


def _header(python: Path) -> bytes:
    """Write the first lines of a script that ``python`` is to run."""
    line = b"#!" + os.fsencode(python)
    if len(line) < LONGEST and not re.search(rb"\s", line):
        return line + b"\n"
    # The kernel takes white space for the end of the path. To a shell this is a command and, behind it, a text that is
    # never reached; to Python one text, between three quotes each.
    import shlex

    quoted = os.fsencode(shlex.quote(str(python)))
    return b"#!/bin/sh\n'''exec' " + quoted + b' "$0" "$@"\n' + b"' '''\n"
