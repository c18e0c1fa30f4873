"""Opening a project: its manifest, its plugins, and the context that steps run in."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path

from lockhouse.errors import EnvironmentOccupied, Hint, ManifestError, Problem, UsageError
from lockhouse.events import Emit, Event
from lockhouse.manifest import Manifest
from lockhouse.manifestfile import load_manifest
from lockhouse.plugins import Plugins
from lockhouse.project import Project, find_manifest, home_of, hosted_pointer
from lockhouse.state import State
from lockhouse.steps import Context, Options

__all__ = ["make_context", "open_context"]

ACCELERATOR_VARIABLE = "LOCKHOUSE_ACCELERATOR"

VENV = "venv"
"""Provider of environments that Python itself makes."""


def open_context(root: Path, manifest: str | None, options: Options, emit: Emit) -> Context:
    """Find and read the manifest of a project and load its plugins; raise UsageError or ManifestError."""
    root = root.absolute()
    path = find_manifest(root, manifest)
    home = home_of(root)
    wanted = load_manifest(path, memory=home / ".judged")
    if os.path.lexists(home) and not home.is_dir():
        raise EnvironmentOccupied(
            f"{home.name} is no folder",
            cause=f"lockhouse keeps what it knows and builds of a project in {home}",
            hints=[Hint("move-away", f"move {home.name} away, or delete it if you no longer need it")],
        )
    _check_ground(root, wanted)
    pointer = root / _place(wanted)
    if wanted.hosted:  # the host is where it is; what tells which generation was added to it is ours
        pointer = hosted_pointer(root, wanted.name)
    project = Project(root=root, manifest=path, name=wanted.name, pointer=pointer)
    return make_context(project, wanted, options, emit)


def make_context(project: Project, manifest: Manifest, options: Options, emit: Emit) -> Context:
    """Make the context for a manifest in a project, and load the project's plugins."""
    if options.selection.accelerator is None and os.environ.get(ACCELERATOR_VARIABLE):
        chosen = replace(options.selection, accelerator=os.environ[ACCELERATOR_VARIABLE])
        options = replace(options, selection=chosen)
    plugins = Plugins.load(project.plugins, emit)

    def tell(event: Event) -> None:
        emit(event)
        plugins.event(event)

    return Context(
        project=project,
        manifest=manifest,
        options=options,
        plugins=plugins,
        state=State(project.state),
        emit=tell,
    )


def _check_ground(root: Path, manifest: Manifest) -> None:
    """Refuse a project in a folder where no environment can stand, before anything is done in it."""
    path, reason = str(root), None
    if "\n" in path:
        reason = (
            "there is a line break in its path, and the scripts of an environment name their interpreter in one line"
        )
    elif any("\ud800" <= character <= "\udfff" for character in path):
        reason = "its path is not UTF-8, and files that name it could not be written"
    elif sys.platform != "win32" and re.search(r"\\[NUux]", path):
        reason = "there is a backslash in its path that Python, in scripts, takes for the code of a character"
    elif os.pathsep in path and manifest.python.provider == VENV:
        reason = f"there is a {os.pathsep!r} in its path, which parts the folders of PATH: Python refuses to use it"
    if reason is not None:
        hint = Hint("move-project", "move the project to a folder with another name")
        raise UsageError("no environment can stand in this folder", cause=reason, hints=[hint])


def _place(manifest: Manifest) -> Path:
    try:
        return Path(manifest.environment.path).expanduser()
    except RuntimeError as error:  # a user whom this machine does not know
        raise ManifestError(
            f"{manifest.environment.path} is no place on this machine",
            problems=[Problem("environment.path", str(error))],
            hints=[Hint("choose-path", "let environment.path name another place")],
        ) from error
