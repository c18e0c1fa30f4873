"""create: chooses the generation of this run, one that is already right or a new one with pip, setuptools and wheel."""

from __future__ import annotations

import contextlib

from lockhouse.environments.drift import find_drift
from lockhouse.environments.generations import Generation, Generations
from lockhouse.environments.redirect import discard_bytecode, redirect_bytecode
from lockhouse.environments.scaffold import record_scaffold
from lockhouse.errors import InternalError, LockhouseError, StorageError
from lockhouse.events import Message
from lockhouse.host import Host
from lockhouse.manifest import CREATE_STAGE, Manifest
from lockhouse.plan import Plan
from lockhouse.project import Project
from lockhouse.state import storage_errors
from lockhouse.steps import Context, Step

__all__ = ["steps"]


def steps(project: Project, manifest: Manifest) -> tuple[Step, ...]:
    """Give the step ``create``."""
    return (
        Step(
            name="create",
            phase="create",
            doc="make a fresh environment with pip, setuptools and wheel and nothing else",
            needs=("destroy",),
            run=_create,
            up_to_date=_find_right_one,
            done=_is_begun,
        ),
    )


def _find_right_one(context: Context) -> bool:
    """Take the finished generation of this plan that is proven to be unchanged as the candidate, if there is one."""
    plan = context.state.read(Plan)
    if plan is None:
        return False
    generations = Generations(context.project)
    current = generations.current()
    finished = [item for item in generations.all() if item.plan == plan.digest and item.reached("sealed")]
    for generation in sorted(finished, key=lambda item: (item == current, item.number), reverse=True):
        problem = _problem(generation, context)
        if problem is None:
            context.candidate = generation
            return True
        context.emit(Message(level="warning", text=f"generation {generation.number} cannot serve: {problem}"))
    return False


def _is_begun(context: Context) -> bool:
    plan, candidate = context.state.read(Plan), context.candidate
    if plan is None or candidate is None or candidate.plan != plan.digest:
        return False
    from lockhouse.phases.install import has_stage

    return has_stage(context, CREATE_STAGE)


def _create(context: Context) -> None:
    plan, host = context.state.read(Plan), context.state.read(Host)
    if plan is None or host is None:
        raise InternalError("create ran before there was a plan")
    from lockhouse.phases.install import install_stage

    provider = context.plugins.environment(context.manifest.python.provider)
    interpreter = host.required_interpreter(plan.target.python_version)
    generations = Generations(context.project)
    generation = generations.new(plan.digest, context.manifest.digest, interpreter, provider=provider.name)
    context.candidate = generation
    try:
        with storage_errors(generation.path):
            provider.create(generation.path, interpreter)
            if context.manifest.environment.bytecode == "purge":
                redirect_bytecode(provider.scheme(generation.path, interpreter).purelib)
            record_scaffold(generation.path)
        install_stage(context, CREATE_STAGE)
    except BaseException:
        # What is not finished is never used; should it not go away now, destroy takes it the next time.
        context.candidate = None
        with contextlib.suppress(LockhouseError):
            generations.abandon(generation)
        raise
    context.summarise("create", f"generation {generation.number}, Python {interpreter.version}")


def _problem(generation: Generation, context: Context) -> str | None:
    """Why a finished generation cannot be used as it is; None if it can."""
    if generation.moved:
        return f"it was made at {generation.location} and environments cannot be moved"
    if not _interpreter_remains(generation, context.state.read(Host)):
        return f"its interpreter, Python {generation.interpreter.version}, is gone or was replaced"
    try:
        discard_bytecode(generation.path)
    except StorageError as error:
        return f"{error.summary}: {error.cause}"
    drift = find_drift(generation, deep=False, emit=context.emit, step="create", remember=True)
    if not drift:
        return None
    from lockhouse.verification.refusal import describe_drift

    return f"its files are not those that were installed ({'; '.join(describe_drift(drift))})"


def _interpreter_remains(generation: Generation, host: Host | None) -> bool:
    """Whether the interpreter that the environment links to is what it was.

    What detect found is enough; one that it no longer lists (another PATH) is asked itself.
    """
    known = generation.interpreter
    for interpreter in host.interpreters if host else ():
        if interpreter.executable == known.executable:
            return interpreter.version == known.version
    import subprocess

    argv = [known.executable, "-I", "-S", "-c", "import platform; print(platform.python_version())"]
    try:
        answer = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and answer.stdout.strip() == known.version
