"""Scripts of an environment: commands made from entry points, and scripts that wheels bring without an interpreter."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lockhouse.errors import UnsafeWheel
from lockhouse.wheels.commands import TARGET, EntryPoint, is_command
from lockhouse.wheels.issues import Issue

if TYPE_CHECKING:
    from lockhouse.store.entries import Entry

__all__ = ["check_commands", "generate_script", "with_interpreter"]


def check_commands(entry: Entry) -> None:
    """Raise UnsafeWheel for a command that is none: what is written into a script must be names and nothing else."""
    for name, target, _ in entry.commands:
        if not is_command(name, target):
            detail = f"{name} = {target} is no command of the form name = module:function"
            raise UnsafeWheel(entry.filename, Issue.COMMAND, detail)


def generate_script(point: EntryPoint, python: Path) -> tuple[str, bytes]:
    """Return file name and content of the script that runs a command, whose form has been checked, with ``python``."""
    from installer.scripts import Script
    from installer.utils import get_launcher_kind

    match = TARGET.fullmatch(point.target)
    assert match is not None
    section: Literal["gui", "console"] = "gui" if point.gui else "console"
    return Script(point.name, match["module"], match["attribute"], section).generate(str(python), get_launcher_kind())


def with_interpreter(data: bytes, python: Path) -> bytes:
    """Put an interpreter where a script says ``#!python``, as the wheel standard asks ("Recommended features")."""
    from installer.scripts import Script
    from installer.utils import fix_shebang, get_launcher_kind

    with fix_shebang(io.BytesIO(data), str(python)) as stream:
        _, _, rest = stream.read().partition(b"\n")
    if get_launcher_kind() != "posix":
        return f"#!{python}".encode() + b"\n" + rest
    # For a path that is long or has spaces the first lines are those of generated scripts.
    _, text = Script("script", "module", "attribute", "console").generate(str(python), "posix")
    return text.partition(b"\n# -*- coding")[0] + b"\n" + rest
