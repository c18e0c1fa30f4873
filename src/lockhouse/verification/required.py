"""What has to be shown of an environment: every check that somebody asks for, once."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lockhouse.accelerators import Accelerator
from lockhouse.codec import digest_of
from lockhouse.environments import Scheme
from lockhouse.errors import Hint, ManifestError, Problem
from lockhouse.host import Host
from lockhouse.manifest import Check, Manifest
from lockhouse.plan import Plan
from lockhouse.steps import Context
from lockhouse.verification import BUILT_IN
from lockhouse.verification.imports import import_check

if TYPE_CHECKING:
    from lockhouse.plugins import Plugins

__all__ = ["check_accelerators", "critical_imports", "required_checks", "required_digest"]


def check_accelerators(manifest: Manifest, plugins: Plugins) -> None:
    """Make sure that some plugin knows every accelerator that a check requires; raises ManifestError.

    Else a misspelt name would have the check skipped for ever. A plugin that is disabled or broken might be the one
    that knows it: then nothing is said here, and the check is skipped as unproven.
    """
    if any(record.status != "active" for record in plugins.records):
        return
    known = sorted(accelerator.namespace for accelerator in plugins.accelerators())
    problems = []
    for path, check in _written_checks(manifest):
        if check.requires is not None and check.requires not in known:
            close = difflib.get_close_matches(check.requires, known, n=1)
            meant = f"; did you mean {close[0]!r}?" if close else f" (known: {', '.join(known) or 'none'})"
            problems.append(Problem(f"{path}.requires", f"no plugin knows the accelerator {check.requires!r}{meant}"))
    if problems:
        hint = Hint("accelerator-name", "correct the name, or install the plugin that knows this accelerator")
        raise ManifestError(f"{manifest.name} requires what nobody provides", problems=problems, hints=[hint])


def _written_checks(manifest: Manifest) -> Iterator[tuple[str, Check]]:
    """Give each check with its place in the file; a stage that names one of the manifest's repeats it."""
    yield from ((f"checks[{i}]", check) for i, check in enumerate(manifest.checks))
    for i, stage in enumerate(manifest.stages):
        for j, check in enumerate(stage.checks):
            if not any((check.name, check.run) == (other.name, other.run) for other in manifest.checks):
                yield f"stages[{i}].checks[{j}]", check


def required_checks(context: Context, plan: Plan, host: Host, scheme: Scheme) -> tuple[Check, ...]:
    """Give the checks of manifest and stages, of critical distributions, of the chosen accelerator and of plugins.

    Stage checks have passed once, right after their stage; what came later may have broken them. What the manifest
    lists is run as often as it is named; of the others, code that is run already is left out. Of different code under
    one name the later gets a number.
    """
    found: list[Check] = []
    seen = set()
    for check in _of_manifest(plan):
        # A stage names a check of the manifest: it is the same one, with a stage.
        if (check.name, check.run, check.requires) not in seen:
            seen.add((check.name, check.run, check.requires))
            _add(found, check)
    imports = (*_protected_imports(context, plan, found), *critical_imports(plan, scheme, besides=found))
    for check in (*imports, *_of_others(context, plan, host)):
        if not any((check.run, check.requires) == (other.run, other.requires) for other in found):
            _add(found, check)
    return tuple(found)


def _add(found: list[Check], check: Check) -> None:
    names = {other.name for other in found} | set(BUILT_IN)
    name, number = check.name, 2
    while name in names:
        name, number = f"{check.name} ({number})", number + 1
    found.append(replace(check, name=name))


def required_digest(context: Context, checks: Sequence[Check]) -> str:
    """Identity of all that is checked: a proof made with other checks proves something else."""
    return digest_of({"checks": tuple(checks), "built-in": BUILT_IN, "blacklist": context.manifest.blacklist})


def critical_imports(
    plan: Plan, scheme: Scheme, *, stage: str | None = None, besides: Sequence[Check] = ()
) -> Iterator[Check]:
    """Give the check of each critical distribution in an environment, by default those of all stages.

    Left out is what a check of ``besides`` imports anyway: importing takes seconds.
    """
    imported = {name for check in besides if check.critical and check.requires is None for name in _imports(check.run)}
    for item in plan.distributions:
        if item.critical and stage in (None, item.stage):
            check = import_check(item.name, item.stage, scheme)
            if check is not None and not (_imports(check.run) <= imported):
                yield check


def _protected_imports(context: Context, plan: Plan, besides: Sequence[Check]) -> Iterator[Check]:
    """Give the check that what a host has to keep can be imported, unless one of ``besides`` does so anyway."""
    if plan.given is None or not context.manifest.protect:
        return
    from lockhouse.hosts.keeping import host_without

    imported = {name for check in besides if check.critical and check.requires is None for name in _imports(check.run)}
    host = host_without(context.project)
    for name in context.manifest.protect:
        there = host.distribution(name)
        named = (there.name.replace("-", "_"), there.name.replace("-", ".")) if there else ()
        # Of all that a distribution provides, what is named like it; of others nobody knows what may be imported.
        for module in there.imports if there else ():
            if module.lower() in named and module not in imported:
                yield Check(name=f"protected {module}", run=f"import {module}")


def _imports(code: str) -> frozenset[str]:
    """Names that code imports without any condition; with ``a.b`` also ``a``."""
    try:
        statements = ast.parse(code).body
    except (SyntaxError, ValueError):
        return frozenset()
    names: set[str] = set()
    for statement in statements:
        if isinstance(statement, ast.Import):
            names.update(alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            names.add(statement.module)
    return frozenset(".".join(name.split(".")[: i + 1]) for name in names for i in range(name.count(".") + 1))


def _of_manifest(plan: Plan) -> Iterator[Check]:
    planned = {stage.name for stage in plan.stages}
    yield from (check for check in plan.checks if check.stage is None or check.stage in planned)
    for stage in plan.stages:
        yield from stage.checks


def _of_others(context: Context, plan: Plan, host: Host) -> Iterator[Check]:
    accelerator = _accelerator(context, plan.target.accelerator)
    if accelerator is None and plan.target.accelerator is not None:
        yield _missing(plan.target.accelerator)
    reading = host.accelerator(accelerator.namespace) if accelerator else None
    if accelerator is not None and reading is not None:
        for check in accelerator.checks(plan.target.variant, reading):
            if all(plan.distribution(name) for name in check.needs):
                yield check if check.requires else replace(check, requires=accelerator.namespace)
    yield from context.plugins.checks(plan, host)


def _missing(namespace: str) -> Check:
    """Stand in for the checks of an accelerator whose plugin is not here: nobody can make them, so all is unproven."""
    return Check(name=f"{namespace}: what its plugin checks", run="pass", requires=namespace)


def _accelerator(context: Context, namespace: str | None) -> Accelerator | None:
    return next((item for item in context.plugins.accelerators() if item.namespace == namespace), None)
