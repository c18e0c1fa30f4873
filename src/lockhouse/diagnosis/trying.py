"""Trying candidates: a throw-away copy of the host, with what would be installed before it, and the checks run in it.

The copy is a virtual environment that sees all of the host: what is installed goes before what the host has, and so
takes its place without touching it.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockhouse.diagnosis.bench import Bench
from lockhouse.diagnosis.results import Trial, TriedDistribution
from lockhouse.diagnosis.wording import in_words
from lockhouse.environments import Scheme
from lockhouse.environments.host import HostProvider
from lockhouse.environments.removal import remove_tree
from lockhouse.errors import InternalError, LockhouseError
from lockhouse.evidence import CheckResult
from lockhouse.host import Host
from lockhouse.manifest import Check
from lockhouse.plan import Plan
from lockhouse.state import storage_errors
from lockhouse.store import Store
from lockhouse.store.modes import choose_mode
from lockhouse.verification.asking import why_skipped
from lockhouse.verification.imports import import_check
from lockhouse.verification.running import Interpreter, run_checks
from lockhouse.wheels.installing import Installation, Wanted

__all__ = ["host_checks", "prepare", "run_trial", "tried"]

VERSION = """
import importlib.metadata
found = importlib.metadata.version({name!r})
assert found == {version!r}, f"{name} is {{found}}"
"""


def host_checks(bench: Bench) -> tuple[Check, ...]:
    """Give what must hold of the host, whatever comes: what is protected is there and works; the manifest's checks."""
    found: list[Check] = []
    for name in bench.protected:
        there = bench.inventory.effective[name]
        run = VERSION.format(name=name, version=there.version).strip()
        found.append(Check(name=f"{name} is {there.version}", run=run))
        named = (name.replace("-", "_"), name.replace("-", "."))
        found += [Check(name=f"import {item}", run=f"import {item}") for item in there.imports if item.lower() in named]
    names = {check.name for check in found}
    found += [check for check in bench.context.manifest.checks if check.critical and check.name not in names]
    return tuple(found)


def prepare(bench: Bench, candidates: Sequence[str]) -> Plan | Trial:
    """Plan candidates together and bring their wheels; a trial that says why there is nothing to try, if that fails."""
    started = time.perf_counter()
    try:
        plan = bench.plan(candidates)
        bench.fetch(plan)
    except InternalError:
        raise
    except LockhouseError as error:
        return Trial(candidates=tuple(candidates), error=in_words(error), seconds=_since(started))
    return plan


def run_trial(
    bench: Bench,
    candidates: Sequence[str],
    plan: Plan | None,
    checks: Sequence[Check],
    interpreter: Callable[[Path], Interpreter],
) -> Trial:
    """Try candidates together, by the plan that was prepared for them; None for the host as it is.

    What goes wrong with them is in the trial; only what would go wrong for any candidate is raised. ``interpreter``
    makes that of the copy. May run in several threads.
    """
    started = time.perf_counter()
    asked = tuple(candidates)
    distributions = tried(plan) if plan is not None else ()
    place = bench.context.project.temporary
    with storage_errors(place):
        place.mkdir(parents=True, exist_ok=True)
        root = Path(tempfile.mkdtemp(prefix="trial-", dir=place))
    try:
        scheme = HostProvider().rehearse(root, bench.inventory)
        if plan is not None:
            try:
                _install(bench, root, scheme, plan)
            except InternalError:
                raise
            except LockhouseError as error:
                text = in_words(error)
                return Trial(candidates=asked, distributions=distributions, error=text, seconds=_since(started))
        names = {check.name for check in checks}
        own = [check for check in _imports(asked, scheme) if check.name not in names] if plan is not None else []
        results = tuple(
            # Nobody can look at a path into a copy that is gone.
            replace(item, output=item.output.replace(f"{root}{os.sep}", ""))
            for item in _run(bench, interpreter(scheme.python), plan, (*checks, *own))
        )
    finally:
        remove_tree(root)
    return Trial(candidates=asked, distributions=distributions, checks=results, seconds=_since(started))


def tried(plan: Plan) -> tuple[TriedDistribution, ...]:
    """Tell what an installer would bring."""
    return tuple(
        TriedDistribution(name=item.name, version=item.version, replaces=item.replaces) for item in plan.distributions
    )


def _install(bench: Bench, root: Path, scheme: Scheme, plan: Plan) -> None:
    store = Store()
    entries = store.sound({item.sha256: bench.wheelhouse.path(item.filename) for item in plan.distributions})
    mode = choose_mode(store, root)
    wheels = [Wanted(entries[item.sha256], item.requirement is not None) for item in plan.distributions]
    Installation(root, scheme, mode).install(wheels)


def _imports(candidates: Sequence[str], scheme: Scheme) -> Iterator[Check]:
    """What is installed must be importable itself; what the host has already was before."""
    for name in dict.fromkeys(canonicalize_name(Requirement(line).name) for line in candidates):
        check = import_check(name, "", scheme)
        if check is not None:
            yield check


def _run(bench: Bench, interpreter: Interpreter, plan: Plan | None, checks: Sequence[Check]) -> tuple[CheckResult, ...]:
    host = bench.context.state.read(Host)

    def skipped(check: Check) -> str | None:
        if plan is not None:
            return why_skipped(check, plan, host)
        reading = host.accelerator(check.requires) if host and check.requires else None
        return (
            f"no {check.requires} device on this machine"
            if check.requires and not (reading and reading.present)
            else None
        )

    # One after the other: trials run side by side, and each check may need as much memory as the host itself.
    return tuple(result for check in checks for result in run_checks(interpreter, [check], skipped=skipped))


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 3)
