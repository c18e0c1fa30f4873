"""Taking a rehearsed generation into use in its host, proving it there, and taking it back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from lockhouse.environments.generations import Generation, Generations
from lockhouse.errors import (
    CheckFailed,
    Hint,
    InternalError,
    UsageError,
)
from lockhouse.events import Message, Progress
from lockhouse.evidence import VerifyReport
from lockhouse.host import Host
from lockhouse.hosts.asking import ask_host
from lockhouse.hosts.conditions import check_given, check_host, check_serving, check_untouched
from lockhouse.hosts.holding import hold_host
from lockhouse.hosts.integrity import record_faults, states_of
from lockhouse.hosts.keeping import additions_of, host_without, keep_inventory, kept_inventory
from lockhouse.hosts.kernels import find_loaded
from lockhouse.hosts.ledger import Addition, Guarded, new_key
from lockhouse.hosts.serving import listed, serving
from lockhouse.hosts.staging import anchor_of, arrange, collect
from lockhouse.hosts.taking import take_inventory
from lockhouse.inventory import HostDistribution, Inventory
from lockhouse.plan import Plan
from lockhouse.steps import Context
from lockhouse.wheels.installing import Wanted

__all__ = ["deploy", "withdraw"]

STEP = "lock"


def deploy(context: Context, generation: Generation, plan: Plan) -> Generation:
    """Add the wheels of a proven generation to the host in place of an earlier one's, and prove the host with them.

    Returns the generation with that proof.
    After any error the host is as it was before. Raises CheckFailed, BuildError, HostManaged, StorageError.
    """
    with ExitStack() as stack:
        inventory = _held(context, stack)
        check_host(inventory)
        found = serving(context, generation)
        if found is not None and not found.drift(deep=False) and not found.failures(deep=False):
            return generation
        base = host_without(context.project, inventory)
        check_given(plan, base)
        protected = _protected(context, base)
        replaced = _replaced(plan, base)
        if clash := {item.name for item in replaced} & {item.name for item in protected}:
            raise InternalError(f"{', '.join(sorted(clash))} would be replaced and is protected")
        before = states_of(protected)
        additions = additions_of(context, inventory)
        addition = Addition(
            key=new_key(context.manifest.name, generation.number),
            project=additions.owner[0],
            manifest=additions.owner[1],
            generation=generation.number,
            plan=generation.plan,
            environment_digest=generation.environment_digest or "",
            standing="staging",
            anchor=str(anchor_of(inventory)),
            replaced=replaced,
            protected=tuple(_guarded(item) for item in protected),
        )
        wheels = _wheels(context, plan)
        proven: list[VerifyReport] = []

        def tell(done: int) -> None:
            context.emit(Progress(step=STEP, item="collecting", done=done, total=None, unit="files"))

        for item in addition.protected:
            if item.faults:
                text = f"protected {item.name} is not what its RECORD says, even before anything is added: "
                context.emit(Message(level="warning", text=text + listed(item.faults)))

        def prove(_: Addition) -> None:
            keep_inventory(context.project, take_inventory(ask_host(Path(inventory.interpreter.executable))))
            check_untouched(before)
            check_serving(serving(context, generation))
            proven.append(_proof(context, generation, plan))
            check_untouched(before)

        try:
            additions.apply(
                addition,
                lambda item: collect(additions.ledger, item, inventory, wheels, tell),
                lambda item: arrange(additions.ledger, item, base),
                prove,
            )
        finally:
            keep_inventory(context.project, take_inventory(ask_host(Path(inventory.interpreter.executable))))
        generation = _keep(context, generation, proven)
    _tell_kernels(context, replaced, (*protected, *_given(plan, base)))
    return generation


def withdraw(context: Context) -> int | None:
    """Take back what the manifest added to the host: it is as it was before lockhouse came. Return the generation."""
    with ExitStack() as stack:
        inventory = _held(context, stack)
        additions = additions_of(context, inventory)
        current = additions.current()
        added = [] if current is None else [item.metadata for item in current.distributions]
        gone = tuple(item for item in inventory.distributions if os.path.realpath(item.metadata) in added)
        loaded = find_loaded(gone)
        withdrawn = additions.withdraw()
        keep_inventory(context.project, take_inventory(ask_host(Path(inventory.interpreter.executable))))
    for item in loaded:
        context.emit(Message(level="warning", text=f"{item}: restart it, to be rid of what is gone"))
    return withdrawn.generation if withdrawn is not None else None


def _held(context: Context, stack: ExitStack) -> Inventory:
    """Have the host alone as long as the stack is open; give its inventory as it is then, with nothing half done."""
    known = kept_inventory(context.project)
    if known is None:
        raise InternalError("a host was to be changed before it was looked at")
    python = Path(known.interpreter.executable)
    additions = additions_of(context, known)
    stack.enter_context(hold_host(additions.ledger.site, context.emit))
    if additions.unfinished():
        additions.recover()
    inventory = take_inventory(ask_host(python))
    if inventory.places != known.places:
        raise UsageError(
            "the host is not the one that was looked at",
            cause=f"distributions go to {inventory.places['purelib']} now, and went to {known.places['purelib']}",
            hints=[Hint("run-again", "run the command again")],
        )
    keep_inventory(context.project, inventory)
    return inventory


def _proof(context: Context, generation: Generation, plan: Plan) -> VerifyReport:
    from lockhouse.verification.proving import prove
    from lockhouse.verification.refusal import describe_drift

    host = context.state.read(Host)
    if host is None:
        raise InternalError("a host was to be proven before the machine was looked at")
    report = prove(context, generation, plan, host, deep=False)
    context.state.write(report)
    if report.ok:
        return report
    failed = [check for check in report.checks if check.outcome == "failed" and check.critical]
    names = ", ".join(check.name for check in failed) or "what it must be"
    raise CheckFailed(
        f"the host with what was added failed: {names}",
        cause="\n".join(
            (
                *describe_drift(report.drift),
                *report.failures,
                *(f"{check.name}:\n{check.output.strip()}" for check in failed),
                "what was added was taken back: the host is as it was before",
            )
        ),
        hints=[Hint("change-plan", "change the requirements of what failed, or the check, in the manifest")],
    )


def _keep(context: Context, generation: Generation, proven: Sequence[VerifyReport]) -> Generation:
    from lockhouse.verification.records import keep_report

    for report in proven:
        proof = keep_report(generation, report)
        generation = Generations(context.project).advance(generation, "verified", proof=proof)
    return generation


def _wheels(context: Context, plan: Plan) -> list[Wanted]:
    from lockhouse.store import Store
    from lockhouse.wheels.wheelhouse import Wheelhouse

    wheelhouse = Wheelhouse(context.project.wheelhouse)
    entries = Store().sound({item.sha256: wheelhouse.path(item.filename) for item in plan.distributions})
    return [Wanted(entries[item.sha256], item.requirement is not None) for item in plan.distributions]


def _protected(context: Context, base: Inventory) -> tuple[HostDistribution, ...]:
    found = (base.distribution(name) for name in context.manifest.protect)
    return tuple({item.name: item for item in found if item is not None}.values())


def _replaced(plan: Plan, base: Inventory) -> tuple[HostDistribution, ...]:
    """What makes way lies in the folder where it is added; elsewhere it stays."""
    site = os.path.realpath(base.places["purelib"])
    found = (base.distribution(item.name) for item in plan.distributions)
    return tuple(item for item in found if item is not None and os.path.realpath(item.site) == site)


def _given(plan: Plan, base: Inventory) -> tuple[HostDistribution, ...]:
    found = (base.distribution(item.name) for item in plan.given or ())
    return tuple(item for item in found if item is not None)


def _guarded(item: HostDistribution) -> Guarded:
    return Guarded(name=item.name, version=item.version, record=item.record, faults=record_faults(item, deep=False))


def _tell_kernels(context: Context, replaced: Sequence[HostDistribution], kept: Sequence[HostDistribution]) -> None:
    """Say which programs have to be restarted, and which need not be."""
    changed, unchanged = find_loaded(replaced), find_loaded(kept)
    for item in changed:
        text = f"{item}, which has been replaced on disk: restart it before anything else is imported there"
        context.emit(Message(level="warning", text=text))
    for item in unchanged:
        if item.pid not in {other.pid for other in changed}:
            text = f"{item}, which has not changed: a restart is needed only if it tried to import what was added"
            context.emit(Message(level="info", text=text))
