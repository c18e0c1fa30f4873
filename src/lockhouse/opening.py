"""Opening a project: its manifest, its plugins, and the context that steps run in."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from lockhouse.events import Emit, Event
from lockhouse.manifestfile import load_manifest
from lockhouse.plugins import Plugins
from lockhouse.project import Project, find_manifest, home_of, hosted_pointer
from lockhouse.state import State
from lockhouse.steps import Context, Options

__all__ = ["open_context"]

ACCELERATOR_VARIABLE = "LOCKHOUSE_ACCELERATOR"


def open_context(root: Path, manifest: str | None, options: Options, emit: Emit) -> Context:
    """Find and read the manifest of a project and load its plugins; raise UsageError or ManifestError."""
    root = root.absolute()
    path = find_manifest(root, manifest)
    wanted = load_manifest(path, memory=home_of(root) / ".judged")
    pointer = root / Path(wanted.environment.path).expanduser()
    if wanted.hosted:  # the host is where it is; what tells which generation was added to it is ours
        pointer = hosted_pointer(root, wanted.name)
    project = Project(root=root, manifest=path, name=wanted.name, pointer=pointer)
    if options.selection.accelerator is None and os.environ.get(ACCELERATOR_VARIABLE):
        chosen = replace(options.selection, accelerator=os.environ[ACCELERATOR_VARIABLE])
        options = replace(options, selection=chosen)
    plugins = Plugins.load(project.plugins, emit)

    def tell(event: Event) -> None:
        emit(event)
        plugins.event(event)

    return Context(
        project=project,
        manifest=wanted,
        options=options,
        plugins=plugins,
        state=State(project.state),
        emit=tell,
    )
