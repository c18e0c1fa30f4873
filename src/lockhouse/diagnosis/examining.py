"""A whole diagnosis: finding the host, setting up the bench, judging, and trying if that is asked for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from lockhouse.diagnosis.bench import PROTECTED, open_bench, parse_candidates
from lockhouse.diagnosis.bisecting import bisect
from lockhouse.diagnosis.concluding import concluded
from lockhouse.diagnosis.judging import judge_candidates, protected_of
from lockhouse.diagnosis.results import Diagnosis
from lockhouse.events import Emit, Message
from lockhouse.hosts.asking import HostAnswer
from lockhouse.hosts.choosing import find_host
from lockhouse.hosts.taking import take_inventory
from lockhouse.inventory import Inventory
from lockhouse.manifest import HOST, EnvironmentWish, Manifest, PythonWish
from lockhouse.opening import make_context, open_context
from lockhouse.project import Project, cache_directory, has_manifest, hosted_pointer
from lockhouse.run import run_verb
from lockhouse.steps import Context, Options

__all__ = ["diagnose"]

NAME = "diagnosis"
DEFAULT = EnvironmentWish().path


def diagnose(
    root: Path,
    manifest: str | None,
    options: Options,
    candidates: Sequence[str],
    emit: Emit,
    *,
    bisecting: bool = False,
    begin: Callable[[Context], None] = lambda _: None,
) -> Diagnosis:
    """Diagnose requirements for the host of the project at ``root``; nothing is installed, and the host stays as it is.

    A manifest says which host it is, what is protected and checked, and where wheels come from. Without one it is the
    environment that lockhouse runs in, numpy and torch are protected, and pip's configuration counts. ``begin`` is
    given the context as soon as there is one.
    """
    wanted = parse_candidates(candidates)
    context, inventory = _opened(root, manifest, options, emit)
    begin(context)
    emit(Message(level="detail", text=f"host {inventory.prefix}, Python {inventory.interpreter.version}"))
    _tell_absent(context, inventory)
    with open_bench(context, inventory) as bench:
        verdicts = judge_candidates(bench, wanted)
        found = bisect(bench, wanted) if bisecting else None
        if found is not None:
            verdicts = concluded(verdicts, found)
        return Diagnosis(
            host=inventory.digest,
            prefix=inventory.prefix,
            python=inventory.interpreter.version,
            protected=protected_of(bench),
            verdicts=verdicts,
            bisection=found,
        )


def _opened(root: Path, manifest: str | None, options: Options, emit: Emit) -> tuple[Context, Inventory]:
    """Open a project, or what stands for one, and look at machine and host."""
    if has_manifest(root.absolute(), manifest):
        context = open_context(root, manifest, options, emit)
        wish = context.manifest
        # An environment of the manifest's own is a host as well, if there is one.
        own = wish.hosted or (context.project.root / wish.environment.path).exists()
        path, version = wish.environment.path if own else DEFAULT, wish.python.version
        answer = find_host(context.project.root, path, version)
    else:
        answer = find_host(root.absolute(), DEFAULT, None)
        context = _without_manifest(root, answer, options, emit)
    run_verb("detect", context)
    return context, take_inventory(answer)


def _tell_absent(context: Context, inventory: Inventory) -> None:
    """Say once what is to be protected and is not there, or is broken."""
    broken = {item.distribution: item.message for item in inventory.problems}
    names = context.manifest.protect or PROTECTED
    if not any(inventory.distribution(name) for name in names):
        text = f"nothing of this host is protected: it has no {' and no '.join(names)}; let protect say what must stay"
        context.emit(Message(level="warning", text=text))
    for name in names:
        if inventory.distribution(name) is not None:
            continue
        if problem := broken.get(canonicalize_name(name)):
            text = f"{name} of the host is broken, and cannot be protected: {problem}"
        elif context.manifest.protect:
            text = f"{name} is to be protected, and is not on the host"
        else:
            continue
        context.emit(Message(level="warning", text=text))


def _without_manifest(root: Path, host: HostAnswer, options: Options, emit: Emit) -> Context:
    """Make a context for a folder that is no project, such as a notebook's."""
    place = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:16]
    home = cache_directory() / NAME / f"without-{place}"
    project = Project(root=home, manifest=home / "manifest.json", name=NAME, pointer=hosted_pointer(home, NAME))
    python = PythonWish(version=host.interpreter.release, provider=HOST)
    wish = EnvironmentWish(path=host.prefix)
    return make_context(project, Manifest(name=NAME, python=python, environment=wish, stages=()), options, emit)
