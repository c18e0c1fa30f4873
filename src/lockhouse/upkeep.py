"""What the verbs beside the pipeline do: going back to an earlier environment, and freeing what is no longer kept.

Both have the project alone while they work. How the outcome looks is decided by whoever shows it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lockhouse.commitment import commit
from lockhouse.environments import Deployment
from lockhouse.environments.generations import Generation, Generations
from lockhouse.environments.history import Freeable, choose_rollback, find_freeable, free
from lockhouse.errors import CheckFailed, DriftFound, Hint, InternalError, UsageError
from lockhouse.events import Message, StepFinished, StepStarted
from lockhouse.exclusion import hold_project
from lockhouse.host import Host
from lockhouse.leftovers import find_unawaited, known_plans
from lockhouse.plan import Plan
from lockhouse.state import storage_errors
from lockhouse.steps import Context
from lockhouse.values import dataclass

if TYPE_CHECKING:
    from lockhouse.store import Store

__all__ = ["Cleaned", "clean", "roll_back"]

PATIENCE = 3600.0
"""Seconds to wait for another lockhouse in the same project."""

PROOF = "verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What was freed, or with ``dry_run`` would be."""

    dry_run: bool
    freed: tuple[Freeable, ...]

    @property
    def size(self) -> int:
        """Bytes of all of it."""
        return sum(item.size for item in self.freed)


def clean(context: Context, *, dry_run: bool = False) -> Cleaned:
    """Free leftovers, abandoned builds and generations beyond those kept; with ``dry_run`` only find them.

    Leftovers are also the parts of wheels that no plan waits for any more. Of the store goes what no project uses, of
    what is known of wheels what no project needs; the wheels of diagnoses go as well.
    """
    from lockhouse.diagnosis.clearing import clear_benches, find_on_benches
    from lockhouse.store import Store
    from lockhouse.store.freeing import find_unused, free_unused

    store = Store()
    wish = context.manifest.environment
    with _alone(context):
        plan = context.state.read(Plan)
        digest = plan.digest if plan else None
        parts = find_unawaited(context.project)
        found = tuple(Freeable(path=str(path), kind="leftover", size=path.lstat().st_size) for path in parts)
        if dry_run:
            found += find_freeable(context.project, digest, wish.keep)[1]
            unused = find_unused(store, going={Path(item.path) for item in found}) + find_on_benches()
        else:
            for path in parts:
                with storage_errors(path):
                    path.unlink(missing_ok=True)
            found += free(context.project, digest, wish.keep, wish.on_busy, context.emit)
            unused = free_unused(store) + clear_benches()
    found += tuple(Freeable(path=str(item.path), kind="unused", size=item.size) for item in unused)
    going = frozenset(item.path.name for item in unused)
    found += tuple(_forgotten(context, store, going, dry_run=dry_run))
    return Cleaned(dry_run=dry_run, freed=found)


def _forgotten(context: Context, store: Store, going: frozenset[str], *, dry_run: bool) -> Iterator[Freeable]:
    """Forget what is known of wheels that are in no plan of a known project, and do not stay in the store."""
    from lockhouse.store.freeing import users
    from lockhouse.wheels.forgetting import facts_folder, find_forgettable, forget

    # Generations of a manifest lie two folders below what its project keeps.
    homes = {context.project.home, *(folder.parent.parent for folder in users(store))}
    needed = {item.sha256 for home in homes for plan in known_plans(home) for item in plan.distributions}
    needed |= {home.name for home in store.homes()} - going
    size = sum(path.stat().st_size for path in find_forgettable(needed)) if dry_run else forget(needed)
    if size:
        yield Freeable(path=str(facts_folder()), kind="facts", size=size)


def roll_back(context: Context, number: int | None = None) -> int | None:
    """Take the generation ``number``, or the one that served before, into use; return the number of the one that was.

    It is proven first, as ``verify`` proves the environment in use, by the plan that it was built from; ``detect`` must
    have run. Its lock comes back with it, else the next install would go forward again. Raises UsageError when there is
    nothing to go back to, and what a failed proof raises.
    """
    with _alone(context):
        current = Generations(context.project).current()
        if _goes_back_to_before(context, number, current):
            return _withdraw(context)
        chosen = choose_rollback(context.project, number)
        plan, proven = _prove(context, chosen)
        commit(context, proven, plan)
    if plan.manifest != context.manifest.digest:
        text = (
            f"the manifest has moved on since generation {chosen.number} was built: verify will say so, and install go "
            f"forward again, until the manifest is changed back"
        )
        context.emit(Message(level="warning", text=text))
    return current.number if current else None


def _goes_back_to_before(context: Context, number: int | None, current: Generation | None) -> bool:
    """Whether what serves elsewhere than where it was built is to be taken back: by 0, or where there is no other."""
    if not isinstance(context.plugins.environment(context.manifest.python.provider), Deployment):
        return False
    others = [item for item in Generations(context.project).all() if item.reached("committed") and item != current]
    return number == 0 or (number is None and not others)


def _withdraw(context: Context) -> int:
    provider = context.plugins.environment(context.manifest.python.provider)
    assert isinstance(provider, Deployment)
    number = provider.withdraw(context)
    with storage_errors(context.project.pointer):
        context.project.pointer.unlink(missing_ok=True)
    if number is None:
        raise UsageError(
            "there is nothing to take back",
            cause=f"nothing of the manifest {context.manifest.name} is in use",
            hints=[Hint("list-generations", "see what there is with `lockhouse generations`")],
        )
    return number


def _prove(context: Context, generation: Generation) -> tuple[Plan, Generation]:
    started = time.perf_counter()
    context.emit(StepStarted(step=PROOF))
    outcome: Literal["done", "failed"] = "failed"
    try:
        proven = _verify(context, generation)
        outcome = "done"
    finally:
        context.emit(StepFinished(step=PROOF, outcome=outcome, seconds=time.perf_counter() - started))
    return proven


def _verify(context: Context, generation: Generation) -> tuple[Plan, Generation]:
    from lockhouse.verification.proving import prove
    from lockhouse.verification.records import keep_report, kept_plan
    from lockhouse.verification.refusal import describe_drift

    host, plan = context.state.read(Host), kept_plan(generation)
    if host is None:
        raise InternalError("an environment was to be proven before the machine was looked at")
    if plan is None:
        raise CheckFailed(
            f"generation {generation.number} cannot be proven, and is not taken into use",
            cause="what it was built from is not known any more",
            hints=[Hint("list-generations", "see what else there is with `lockhouse generations`")],
        )
    report = prove(context, generation, plan, host, deep=context.options.deep)
    context.state.write(report)
    if report.ok:
        proof = keep_report(generation, report)
        return plan, Generations(context.project).advance(generation, "verified", proof=proof)
    failed = [check for check in report.checks if check.outcome == "failed" and check.critical]
    raise (DriftFound if report.drift else CheckFailed)(
        f"generation {generation.number} is not what it was, and is not taken into use",
        cause="\n".join((*describe_drift(report.drift), *(f"{item.name}: {item.output.strip()}" for item in failed))),
        hints=[
            Hint("other-generation", "`lockhouse generations` lists the others: go back to one by its number"),
            Hint("run-install", "or run install: it builds anew what the manifest asks for"),
        ],
    )


@contextmanager
def _alone(context: Context) -> Iterator[None]:
    held = hold_project(context.project, context.emit, PATIENCE)
    context.state.refresh()
    try:
        yield
    finally:
        held.release()
