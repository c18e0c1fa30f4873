"""The pointer: the path that people use (``.venv``), a link to the generation that serves.

It is the only thing that changes when an environment is taken into use, and it changes at one instant. It is never a
folder of its own: whatever else stands at its path was made by somebody else and is left alone.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from lockhouse.environments.links import is_link, real, remove_link
from lockhouse.errors import EnvironmentOccupied, Hint
from lockhouse.project import Project, hosted_pointer
from lockhouse.state import move, storage_errors

__all__ = ["check_pointer", "read", "switch"]


def read(pointer: Path) -> Path | None:
    """Return where the pointer leads, absolute, whether that exists or not; None where there is no link."""
    if not is_link(pointer):
        return None
    target = str(pointer.readlink()).removeprefix("\\\\?\\")  # how Windows spells the target of a junction
    return Path(os.path.normpath(real(pointer.parent) / target))


def switch(pointer: Path, target: Path) -> None:
    """Let the pointer lead to ``target`` from one instant to the next; its parent folder is made if need be.

    On Windows a junction is used, because symbolic links need a privilege there; a junction cannot be replaced in one
    operation, so that for a moment there is no pointer. Never run on Windows yet.
    """
    _refuse_occupied(pointer)
    with storage_errors(pointer):
        pointer.parent.mkdir(parents=True, exist_ok=True)
        # One name, so that what a killed process leaves is gone with the next switch. A run has the project alone.
        temporary = pointer.parent / f"{pointer.name}.lockhouse-new"
        if is_link(temporary):
            remove_link(temporary)
        try:
            if sys.platform == "win32":
                _switch_junction(pointer, target, temporary)
            else:
                # Relative, so that a project that is moved or mounted elsewhere does not point back to its old place.
                temporary.symlink_to(os.path.relpath(real(target), real(pointer.parent)))
                os.replace(temporary, pointer)
        except BaseException:
            with contextlib.suppress(OSError):
                remove_link(temporary)
            raise


def check_pointer(project: Project) -> None:
    """Raise EnvironmentOccupied if the pointer's path is not ours to replace.

    Ours are: nothing at all, a link that leads nowhere, a link to a generation of any manifest of this project.
    """
    pointer = project.pointer
    if pointer == hosted_pointer(project.root, project.name):
        return
    if (
        real(pointer) == real(project.root)
        or _inside(pointer.parent, project.home)
        or any(pointer == folder or _inside(pointer.parent, folder) for folder in (project.wheelhouse, project.plugins))
    ):
        raise _occupied(pointer, "this place belongs to the project itself")
    _refuse_occupied(pointer)
    target = read(pointer)
    if target is None or not os.path.lexists(target):
        return
    if real(pointer) == Path(os.path.normpath(real(pointer.parent) / pointer.name)):
        raise _occupied(pointer, "it is a link that leads in a circle")
    resolved = real(target)
    if resolved.parent.name == "generations" and resolved.parent.parent.parent == real(project.home):
        return
    raise _occupied(pointer, f"it is a link to {target}, which is no environment of this project")


def _refuse_occupied(pointer: Path) -> None:
    if os.path.lexists(pointer) and not is_link(pointer):
        kind = "folder" if pointer.is_dir() else "file"
        raise _occupied(pointer, f"it is a {kind} that lockhouse did not make")


def _occupied(pointer: Path, cause: str) -> EnvironmentOccupied:
    return EnvironmentOccupied(
        f"{pointer} is in the way of the environment",
        cause=cause,
        hints=[
            Hint("move-away", f"move {pointer.name} away, or delete it if you no longer need it"),
            Hint("choose-path", "or let environment.path in the manifest name another place"),
        ],
    )


def _inside(path: Path, folder: Path) -> bool:
    return real(path).is_relative_to(real(folder))


def _switch_junction(pointer: Path, target: Path, temporary: Path) -> None:
    if sys.platform == "win32":  # the condition again, for the type checker
        import _winapi

        _winapi.CreateJunction(str(real(target)), str(temporary))
        aside = pointer.parent / f"{pointer.name}.lockhouse-old"
        if is_link(aside):
            remove_link(aside)
        if is_link(pointer):
            move(pointer, aside)
        try:
            move(temporary, pointer)
        except OSError:
            if is_link(aside):
                move(aside, pointer)
            raise
        if is_link(aside):
            remove_link(aside)
