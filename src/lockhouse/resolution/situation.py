"""What a plan starts from: the chosen variant, the interpreter, the target, and the lock that may already answer."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lockhouse.accelerators import Accelerator, Ranking
from lockhouse.choice import Choice, choose_variant
from lockhouse.codec import digest_of
from lockhouse.errors import Hint, InternalError, LockOutdated, PluginError, ResolutionError, UsageError
from lockhouse.findings import ScanReport
from lockhouse.host import Host, Interpreter
from lockhouse.lockfile import Lock, plan_from_lock, recall_lock
from lockhouse.manifest import Manifest
from lockhouse.plan import Plan, Selection, Target
from lockhouse.steps import Context
from lockhouse.values import dataclass

if TYPE_CHECKING:
    from lockhouse.wheels.configuration import PipConfiguration

__all__ = ["Situation", "decided_plan", "read_situation", "sources_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything that is known before anything is resolved."""

    host: Host
    choice: Choice
    variant: str
    accelerator: Accelerator | None
    interpreter: Interpreter
    target: Target
    lock_path: Path
    lock: Lock | None


def read_situation(context: Context) -> Situation:
    """Choose variant and interpreter and read the lock.

    Raises UsageError for a selection that names what is not there, ResolutionError where no variant fits the machine,
    InterpreterNotFound.
    """
    manifest, host, selection = context.manifest, context.state.read(Host), context.options.selection
    if host is None:
        raise InternalError("planning began before the machine was looked at")
    _check_selection(manifest, selection)
    accelerators = context.plugins.accelerators()
    choice = choose_variant(manifest, host, accelerators, selection.accelerator)
    if choice.variant is None:
        raise _no_variant(choice, selection, _runnable(host, accelerators))
    version = manifest.python_version(choice.variant)
    interpreter = host.required_interpreter(version)
    lock_path = context.project.lock(choice.variant, host.platform, interpreter.tag)
    return Situation(
        host=host,
        choice=choice,
        variant=choice.variant,
        accelerator=next((item for item in accelerators if item.namespace == choice.accelerator), None),
        interpreter=interpreter,
        target=Target(
            platform=host.platform,
            python_tag=interpreter.tag,
            python_version=version,
            variant=choice.variant,
            accelerator=choice.accelerator,
        ),
        lock_path=lock_path,
        lock=recall_lock(lock_path, context.project.lock_memory, name=manifest.name, variant=choice.variant),
    )


def decided_plan(context: Context, situation: Situation) -> Plan | None:
    """Give the plan that is already decided: by the lock, else by an earlier run that did not come as far as a lock.

    None when the manifest has moved on, the selection is another one, or an upgrade was asked for; where only the lock
    may decide, also when there is none.
    """
    if context.options.upgrade is not None:
        return None
    manifest, selection = context.manifest.digest, context.options.selection
    lock = situation.lock
    if lock is not None:
        if lock.manifest != manifest or not _same_wish(selection, lock.selection):
            return None
        repeated = plan_from_lock(lock, manifest, situation.host.digest)
        changes = tuple(_host_changes(context, repeated))
        if changes and context.options.locked:
            raise LockOutdated(
                "the host is not the one that the lock was made beside",
                cause="\n".join(changes),
                hints=[Hint("update-lock", "run install without --locked to make a new lock for this host")],
            )
        return None if changes else repeated
    if context.options.locked:
        return None
    plan = context.state.read(Plan)
    if plan is None or (plan.manifest, plan.target, plan.selection) != (manifest, situation.target, selection):
        return None
    from lockhouse.wheels.configuration import read_pip_configuration

    if plan.sources != sources_of(context, read_pip_configuration()) or _was_refused(context, plan):
        return None
    if any(_host_changes(context, plan)):
        return None
    # Facts may change that do not change the target: another driver, more memory.
    return plan if plan.host == situation.host.digest else replace(plan, host=situation.host.digest)


def sources_of(context: Context, configuration: PipConfiguration) -> str:
    """Identity of the indexes in the user's settings; those of the manifest are in the manifest's digest."""
    from lockhouse.wheels.configuration import shown_url

    return digest_of(
        {
            "offline": context.options.offline,
            "no-index": configuration.no_index,
            "indexes": [shown_url(url) for url in configuration.indexes],
            "find-links": [shown_url(url) for url in configuration.find_links],
            "constraints": [[shown_url(url), _content(url)] for url in configuration.constraints],
            "pre": configuration.pre,
            "uploaded-prior-to": configuration.uploaded_prior_to,
        }
    )


def _host_changes(context: Context, plan: Plan) -> Iterator[str]:
    """Say how the host differs from the one that a plan was made for; nothing for an environment of its own."""
    if plan.given is None:
        return
    from lockhouse.hosts.keeping import host_without

    host = host_without(context.project)
    for item in plan.given:
        there = host.distribution(item.name)
        if there is None:
            yield f"{item.name} {item.version} is not on the host"
        elif there.version != item.version:
            yield f"{item.name} is {there.version} on the host, and was {item.version}"
    for planned in plan.distributions:
        there = host.distribution(planned.name)
        if there is not None and there.version != planned.replaces:
            yield f"{planned.name} {there.version} is on the host, and was {planned.replaces or 'not there'}"


def _content(location: str) -> str:
    """The digest of a file of constraints; empty for one that is not there, or on a server: nobody is asked here."""
    from lockhouse.wheels.local import local_path

    path = local_path(location)
    try:
        return digest_of(path.read_text(encoding="utf-8", errors="replace")) if path is not None else ""
    except OSError:
        return ""


def _was_refused(context: Context, plan: Plan) -> bool:
    """Whether the scan refused a plan: what is wrong with it may have been mended where it came from."""
    report = context.state.read(ScanReport)
    return report is not None and report.plan == plan.digest and not report.ok


def _same_wish(asked: Selection, locked: Selection) -> bool:
    """Whether the lock answers what was asked: no wish for or against a stage means whatever the lock has.

    How the variant came to be chosen does not matter: the lock's name carries it.
    """
    if not asked.with_stages and not asked.without_stages:
        return True
    return (asked.with_stages, asked.without_stages) == (locked.with_stages, locked.without_stages)


def _check_selection(manifest: Manifest, selection: Selection) -> None:
    optional = [stage.name for stage in manifest.stages if stage.optional]
    known = [stage.name for stage in manifest.stages]
    for option, names in (("--with", selection.with_stages), ("--without", selection.without_stages)):
        for name in names:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                text = f"did you mean {close[0]}?" if close else f"stages are: {', '.join(known)}"
                raise UsageError(f"{option} {name}: there is no such stage", hints=[Hint("stage-name", text)])
            if name not in optional:
                raise UsageError(
                    f"{option} {name}: the stage is not optional",
                    cause=f"optional stages are: {', '.join(optional) or 'none'}",
                    hints=[Hint("make-optional", f'give the stage {name} "optional": true in the manifest')],
                )
    both = sorted(set(selection.with_stages) & set(selection.without_stages))
    if both:
        raise UsageError(f"{', '.join(both)}: asked for both with and without")


def _no_variant(choice: Choice, selection: Selection, runnable: Sequence[str]) -> Exception:
    lines = "\n".join(f"{item.variant}: {item.reason}" for item in choice.considered)
    names = ", ".join(item.variant for item in choice.considered)
    missing = selection.accelerator or "cpu"
    hint = Hint("choose-variant", f"name one with -a (variants: {names}), or add {missing} to the manifest's variants")
    if selection.accelerator is not None:
        cause = f"the manifest's variants are {names}" if names else None
        return UsageError(choice.reason, cause=cause, hints=[hint] if names else ())
    hints = [hint]
    if runnable:
        hints.append(Hint("add-variant", f"this machine supports {', '.join(runnable)}: add one of these to variants"))
    return ResolutionError("no variant of the manifest fits this machine", cause=lines, hints=hints)


def _runnable(host: Host, accelerators: Sequence[Accelerator]) -> list[str]:
    """The best variants that this machine supports, whether the manifest has them or not."""
    found: list[str] = []
    for accelerator in accelerators:
        reading = host.accelerator(accelerator.namespace)
        if isinstance(accelerator, Ranking) and reading is not None and reading.present:
            with contextlib.suppress(PluginError):  # it is only a hint
                found += accelerator.variants(reading, host)[:3]
    return found
