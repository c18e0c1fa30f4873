"""What the doctor sees of the project: the environment in use, its lock, and whether they belong together."""

from __future__ import annotations

import os
from collections.abc import Iterator

from lockhouse.doctor.hosted import look_at_host
from lockhouse.doctor.remarks import Remark
from lockhouse.environments.drift import find_drift
from lockhouse.environments.generations import Generation, Generations
from lockhouse.errors import LockhouseError
from lockhouse.host import Host
from lockhouse.lockfile import Lock
from lockhouse.resolution.differences import differences
from lockhouse.resolution.situation import read_situation
from lockhouse.steps import Context

__all__ = ["look_at_environment", "look_at_lock"]

REBUILD = "run install: it builds the environment anew, and the present one serves until then"


def look_at_environment(context: Context) -> Iterator[Remark]:
    """Look at the environment in use, and quickly at every file of it."""
    if context.manifest.hosted:
        yield from look_at_host(context)
        return
    pointer = context.project.pointer
    current = Generations(context.project).current()
    if current is not None:
        yield _state(current)
        return
    if os.path.lexists(pointer) and not pointer.is_symlink():
        text = f"{pointer} is there and was not made by lockhouse"
        hint = "move it away, or choose another environment.path"
        yield Remark(subject="environment", state="problem", text=text, hint=hint)
    else:
        yield Remark(subject="environment", state="note", text=f"there is none at {pointer}", hint="run install")


def _state(current: Generation) -> Remark:
    named = f"generation {current.number}, digest {(current.environment_digest or 'unknown')[:12]}"
    if not current.reached("sealed"):
        return Remark(subject="environment", state="problem", text=f"{named} was never finished", hint=REBUILD)
    if current.moved:
        text = f"{named} was made at {current.location}: environments cannot be moved"
        return Remark(subject="environment", state="problem", text=text, hint=REBUILD)
    drift = find_drift(current, deep=False)
    if not drift:
        return Remark(subject="environment", state="ok", text=f"{named}, every file is the one that was sealed")
    from lockhouse.verification.refusal import describe_drift

    text = f"{named} is not what was installed: {'; '.join(describe_drift(drift))}"
    return Remark(subject="environment", state="problem", text=text, hint=REBUILD)


def look_at_lock(context: Context, host: Host | None) -> tuple[tuple[Remark, ...], Lock | None]:
    """Look at the lock for this machine; give it as well, None where there is none that can be read."""
    if host is None:
        return (), None
    try:
        situation = read_situation(context)
    except LockhouseError as error:
        # What is wrong with variant or interpreter is said elsewhere.
        remark = Remark(subject="lock", state="problem", text=_told(error), hint=next(_hints(error), None))
        return (remark,) if error.code == "lock-unusable" else (), None
    lock, name = situation.lock, situation.lock_path.name
    if lock is None:
        hint = "run install, and commit the lock that it writes"
        return (Remark(subject="lock", state="note", text=f"there is no {name} yet", hint=hint),), None
    if lock.manifest == context.manifest.digest:
        text = f"{name} belongs to this manifest, {len(lock.distributions)} distributions"
        return (Remark(subject="lock", state="ok", text=text), *_served(context, lock)), lock
    found = "; ".join(differences(context.manifest, lock)) or "fields other than requirements have changed"
    hint = "run install: it plans again, with the lock's versions preferred, and writes a new lock"
    return (
        Remark(subject="lock", state="warning", text=f"the manifest has moved on from {name}: {found}", hint=hint),
    ), lock


def _served(context: Context, lock: Lock) -> Iterator[Remark]:
    current = Generations(context.project).current()
    if current is not None and current.environment_digest != lock.environment_digest:
        text = "the environment in use is not the one that was locked"
        yield Remark(subject="lock", state="warning", text=text, hint="run install: it builds the locked one")


def _told(error: LockhouseError) -> str:
    return f"{error.summary}: {error.cause}" if error.cause else error.summary


def _hints(error: LockhouseError) -> Iterator[str]:
    return (hint.text for hint in error.hints)
