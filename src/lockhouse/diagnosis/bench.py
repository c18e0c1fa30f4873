"""The bench: where candidates for a host are planned, fetched and tried, without the host or a project noticing.

What would be installed for a candidate is decided as an installer would: the host's own distributions stay as long as
there is a way, and change where there is none. That one may be protected is for the diagnosis to say.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lockhouse.errors import Hint, InternalError, UsageError
from lockhouse.exclusion import hold_project
from lockhouse.host import Host
from lockhouse.hosts.keeping import keep_inventory
from lockhouse.inventory import Inventory
from lockhouse.manifest import EnvironmentWish, PythonWish, Stage, Wish
from lockhouse.plan import Plan
from lockhouse.project import Project, cache_directory, hosted_pointer
from lockhouse.resolution.planning import make_plan
from lockhouse.resolution.routing import mirrors_of
from lockhouse.resolution.situation import read_situation
from lockhouse.state import State
from lockhouse.steps import Context
from lockhouse.values import dataclass
from lockhouse.wheels.client import Client
from lockhouse.wheels.configuration import read_pip_configuration
from lockhouse.wheels.fetching import fetch
from lockhouse.wheels.wheelhouse import Wheelhouse

__all__ = ["PROTECTED", "STEP", "Bench", "bench_project", "benches", "open_bench", "parse_candidates"]

STAGE = "candidates"
STEP = "diagnose"
PATIENCE = 3600.0
"""Seconds to wait for another diagnosis of the same host."""

PROTECTED = ("numpy", "torch")
"""What is protected where no manifest says it: what most of a host was compiled against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A project of its own for one host. ``context`` has the manifest's checks, indexes, variants and refusals."""

    context: Context
    inventory: Inventory

    @property
    def protected(self) -> tuple[str, ...]:
        """Names of the protected distributions that are there."""
        found = (self.inventory.distribution(name) for name in self.context.manifest.protect)
        return tuple(dict.fromkeys(item.name for item in found if item is not None))

    def context_for(self, candidates: Sequence[str]) -> Context:
        """Give a context in which the manifest asks for these requirements and nothing else."""
        stage = Stage(name=STAGE, requirements=tuple(Wish(requirement=line) for line in candidates))
        manifest = replace(self.context.manifest, stages=(stage,))
        return replace(self.context, manifest=manifest, state=State(self.context.project.state))

    def plan(self, candidates: Sequence[str]) -> Plan:
        """Decide what an installer would do for these requirements; raises ResolutionError, NetworkError."""
        context = self.context_for(candidates)
        return make_plan(context, read_situation(context))

    def fetch(self, plan: Plan, besides: frozenset[str] = frozenset()) -> None:
        """Bring the wheels of a plan, but for the names in ``besides``."""
        manifest = self.context.manifest
        indexes = [url for index in manifest.indexes for url in (index.url, *index.mirrors)]
        with Client(read_pip_configuration(), self.context.options.offline, indexes=indexes) as client:
            fetch(
                [item for item in plan.distributions if item.name not in besides],
                self.wheelhouse,
                client,
                self.context.emit,
                mirrors=mirrors_of(manifest, plan, self.context.project.root),
                step=STEP,
            )

    @property
    def wheelhouse(self) -> Wheelhouse:
        """Where the wheels of candidates are kept, also for the next diagnosis."""
        return Wheelhouse(self.context.project.wheelhouse)


@contextmanager
def open_bench(context: Context, inventory: Inventory) -> Iterator[Bench]:
    """Set up the bench for a host; ``context`` is that of a project in which ``detect`` has run."""
    host = context.state.read(Host)
    if host is None:
        raise InternalError("a diagnosis began before the machine was looked at")
    manifest = replace(
        context.manifest,
        python=PythonWish(version=inventory.interpreter.release, provider="host"),
        environment=EnvironmentWish(path=inventory.prefix),
        stages=(),
        closure="resolved",
        protect=context.manifest.protect or PROTECTED,
        # A Python of its own, for one variant, is another host.
        variants=tuple(replace(variant, python=None) for variant in context.manifest.variants),
        checks=tuple(replace(check, stage=None) for check in context.manifest.checks),
    )
    place = hashlib.sha256(os.fsencode(os.path.realpath(inventory.prefix))).hexdigest()[:16]
    project = bench_project(_folder() / place, manifest.name)
    hold = hold_project(project, context.emit, PATIENCE)
    try:
        state = State(project.state)
        state.write(replace(host, interpreters=(inventory.interpreter,)))
        keep_inventory(project, inventory)
        yield Bench(context=replace(context, project=project, manifest=manifest, state=state), inventory=inventory)
    finally:
        hold.release()


def bench_project(root: Path, name: str) -> Project:
    """Give the project of a bench in ``root``, for a manifest of that name."""
    return Project(root=root, manifest=root / "manifest.json", name=name, pointer=hosted_pointer(root, name))


def benches() -> tuple[Path, ...]:
    """Find the folders of all benches there are, sorted."""
    folder = _folder()
    return tuple(sorted(path for path in folder.iterdir() if path.is_dir())) if folder.is_dir() else ()


def _folder() -> Path:
    return cache_directory() / "diagnosis"


def parse_candidates(lines: Sequence[str]) -> tuple[str, ...]:
    """Read requirements from the command line; raise UsageError that names each one that is none, or is there twice."""
    problems, seen = [], set()
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            problems.append(f"{line!r} is no requirement: {str(error).splitlines()[0]}")
            continue
        if requirement.url:
            problems.append(f"{line!r} points at an address; give a name that an index serves")
        requirement.name = canonicalize_name(requirement.name)
        if str(requirement) in seen:
            problems.append(f"{line!r} is there twice")
        seen.add(str(requirement))
    if not lines:
        problems.append("none was given")
    if problems:
        hint = Hint("candidates", "give requirements as pip takes them: datasets 'optuna>=4' tokenizers")
        raise UsageError("there is something wrong with the requirements", cause="\n".join(problems), hints=[hint])
    return tuple(lines)
