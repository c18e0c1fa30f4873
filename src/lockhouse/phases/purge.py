"""purge: removes bytecode from the finished environment, then seals it. Nothing is written to it after that."""

from __future__ import annotations

from lockhouse.environments.generations import Generations
from lockhouse.manifest import Manifest
from lockhouse.project import Project
from lockhouse.state import storage_errors
from lockhouse.steps import Context, Step

__all__ = ["steps"]


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
            done=_is_sealed,
        ),
    )


def _is_sealed(context: Context) -> bool:
    return context.candidate is not None and context.candidate.reached("sealed")


def _keeps_bytecode(context: Context) -> bool:
    return context.manifest.environment.bytecode == "seal"


def _purge(context: Context) -> None:
    from lockhouse.environments.digest import tree_digest
    from lockhouse.environments.redirect import discard_bytecode
    from lockhouse.environments.scaffold import read_scaffold
    from lockhouse.environments.seal import write_seal
    from lockhouse.environments.sealing import seal_tree
    from lockhouse.store import Store
    from lockhouse.store.origins import find_origins

    generation = context.building
    with storage_errors(generation.path):
        removed = discard_bytecode(generation.path)
        origins = find_origins(generation.path, Store(), generation.interpreter if _keeps_bytecode(context) else None)
        done = seal_tree(generation.path, origins, purge=True, emit=context.emit)
    scheme = context.plugins.environment(generation.provider).scheme(generation.path, generation.interpreter)
    digest = tree_digest(generation.path, done.seal, scheme, read_scaffold(generation.path))
    seal = write_seal(generation.path, done.seal, done.witness)
    context.candidate = Generations(context.project).advance(generation, "sealed", digest, seal=seal)
    context.summarise("purge", f"{len(done.seal)} files sealed, {removed + done.removed} bytecode files removed")
