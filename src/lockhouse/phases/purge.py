"""purge: removes bytecode from the finished environment, then seals it. Nothing is written to it after that."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lockhouse.environments.generations import METADATA, Generations
from lockhouse.environments.scaffold import read_scaffold
from lockhouse.environments.seal import seal_tree, write_seal
from lockhouse.manifest import Manifest
from lockhouse.phases.create import find_provider
from lockhouse.project import Project
from lockhouse.state import storage_errors
from lockhouse.steps import Context, Step

__all__ = ["remove_bytecode", "steps"]

BYTECODE = (".pyc", ".pyo")


def steps(project: Project, manifest: Manifest) -> tuple[Step, ...]:
    """Give the step ``purge``, after every stage of the manifest."""
    return (
        Step(
            name="purge",
            phase="purge",
            doc="remove all bytecode, then seal every file",
            needs=tuple(f"install:{stage.name}" for stage in manifest.stages) or ("create",),
            run=_purge,
            up_to_date=_is_sealed,
        ),
    )


def remove_bytecode(root: Path) -> int:
    """Remove every ``__pycache__`` and bytecode file under ``root``, never through links; return how many files."""
    removed = 0
    for folder, folders, files in os.walk(root):
        if Path(folder) == root and METADATA in folders:
            folders.remove(METADATA)
        if "__pycache__" in folders:
            cache = Path(folder, "__pycache__")
            folders.remove("__pycache__")
            if cache.is_symlink():
                cache.unlink()
                removed += 1
            else:
                removed += sum(len(names) for _, _, names in os.walk(cache))
                shutil.rmtree(cache)
        for name in files:
            if name.endswith(BYTECODE):
                Path(folder, name).unlink()
                removed += 1
    return removed


def _is_sealed(context: Context) -> bool:
    return context.candidate is not None and context.candidate.reached("sealed")


def _purge(context: Context) -> None:
    from lockhouse.environments.digest import tree_digest

    generation = context.building
    with storage_errors(generation.path):
        removed = remove_bytecode(generation.path)
        seal = seal_tree(generation.path, context.emit)
    scheme = find_provider(context, generation.provider).scheme(generation.path, generation.interpreter)
    digest = tree_digest(generation.path, seal, scheme, read_scaffold(generation.path))
    context.candidate = Generations(context.project).advance(
        generation, "sealed", digest, seal=write_seal(generation.path, seal)
    )
    context.summarise("purge", f"{len(seal.files)} files sealed, {removed} bytecode files removed")
