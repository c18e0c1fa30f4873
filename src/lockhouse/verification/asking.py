"""Checks asked of one environment: which can be run on this machine, and running them with progress."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lockhouse.environments import Deployment, Scheme, Serving
from lockhouse.events import Progress
from lockhouse.evidence import CheckResult
from lockhouse.host import Host
from lockhouse.manifest import Check
from lockhouse.plan import Plan
from lockhouse.steps import Context

if TYPE_CHECKING:
    from lockhouse.environments.generations import Generation
    from lockhouse.verification.running import Interpreter

__all__ = ["ask", "interpreter_of", "scheme_of", "serving_of", "why_skipped"]


def ask(
    context: Context, interpreter: Interpreter, plan: Plan, checks: Sequence[Check], *, step: str
) -> tuple[CheckResult, ...]:
    """Run checks in an environment; those that need an accelerator which is not here are skipped with the reason."""
    from lockhouse.verification.running import run_checks

    host = context.state.read(Host)

    def tell(done: int) -> None:
        context.emit(Progress(step=step, item="checks", done=done, total=len(checks), unit="checks"))

    return run_checks(
        interpreter,
        checks,
        skipped=lambda check: why_skipped(check, plan, host),
        advanced=tell,
    )


def scheme_of(context: Context, generation: Generation) -> Scheme:
    """Say where things are in an environment, there where it serves; its provider knows."""
    serving = serving_of(context, generation)
    if serving is not None:
        return serving.scheme
    return context.plugins.environment(generation.provider).scheme(generation.path, generation.interpreter)


def serving_of(context: Context, generation: Generation) -> Serving | None:
    """Give a generation as it serves elsewhere than where it was built; None if it does not.

    Nor does one, in a run that builds, that was damaged there: it will be brought again, from where it was built.
    """
    provider = context.plugins.environment(generation.provider)
    serving = provider.serving(context, generation) if isinstance(provider, Deployment) else None
    if serving is None or context.candidate is None:
        return serving
    return None if serving.drift(deep=False) or serving.failures(deep=False) else serving


def interpreter_of(context: Context, generation: Generation) -> Interpreter:
    """Return the interpreter of an environment: with its sealed bytecode, or that of this run while it is built."""
    from lockhouse.verification.running import Interpreter, bytecode_folder

    place = context.project.temporary
    serving = serving_of(context, generation)
    if serving is not None:
        return Interpreter(serving.scheme.python, bytecode_folder(place), as_user=True, notes=place)
    python = scheme_of(context, generation).python
    if context.manifest.environment.bytecode == "seal":
        return Interpreter(python, sealed=True, notes=place)
    built = generation.reached("committed")
    bytecode = bytecode_folder(place) if built else _bytecode_of_build(generation.path, place)
    return Interpreter(python, bytecode, notes=place)


@cache
def _bytecode_of_build(path: Path, place: Path) -> Path:  # noqa: ARG001 - the key
    from lockhouse.verification.running import bytecode_folder

    return bytecode_folder(place)


def why_skipped(check: Check, plan: Plan, host: Host | None) -> str | None:
    """Say why a check cannot prove anything here; None if it can."""
    wanted = check.requires
    if wanted is None:
        return None
    target = plan.target
    if target.accelerator not in (None, wanted):
        return f"the environment is built for {target.variant}, not for {wanted}"
    reading = host.accelerator(wanted) if host else None
    if reading is None:
        return f"no plugin knows the accelerator {wanted}"
    if not reading.present:
        return f"no {wanted} device on this machine"
    return None
