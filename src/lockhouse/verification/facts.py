"""What an environment says of itself, and whether that is what was planned: built-in checks of every environment.

One question is put to the environment's interpreter; the answers are judged here, because the environment has
nothing to compare versions with.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lockhouse.blacklist import applying, covers
from lockhouse.codec import DecodeError, decode
from lockhouse.evidence import CheckResult
from lockhouse.manifest import BlacklistEntry
from lockhouse.plan import Plan
from lockhouse.values import dataclass
from lockhouse.verification import BUILT_IN
from lockhouse.verification.running import Interpreter

__all__ = ["Facts", "check_facts", "names_of"]

TIMEOUT = 120.0
MARK = "lockhouse-facts:"
QUESTION = """
import sys
# The library's own bytecode is used: compiling what is imported here anew takes longer than all the rest.
apart, sys.pycache_prefix = sys.pycache_prefix, None
import importlib.metadata, importlib.util, json
sys.pycache_prefix = apart
def head(text):
    # Only the first lines are read: to parse all of the descriptions takes ten times as long.
    said = {}
    for line in text.splitlines():
        if not line.strip():
            break
        key, _, value = line.partition(":")
        said.setdefault(key.strip().lower(), value.strip())
    return said
found = []
for item in importlib.metadata.distributions():
    # The third is for an .egg-info that is a file.
    said = head(item.read_text("METADATA") or item.read_text("PKG-INFO") or item.read_text("") or "")
    found.append({"name": said.get("name", ""), "version": said.get("version", ""), "path": str(item.locate_file(""))})
importable = {}
for name in sys.argv[1:]:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        continue
    if spec is not None:
        importable[name] = [item for item in [spec.origin, *(spec.submodule_search_locations or [])] if item]
print()
print("lockhouse-facts:" + json.dumps({"prefix": sys.prefix, "version": "%d.%d.%d" % sys.version_info[:3],
      "distributions": found, "importable": importable}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A distribution that the interpreter finds; ``path`` is the folder that holds it."""

    name: str
    version: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The environment's answer. ``importable`` maps names that were asked for to where they would come from."""

    prefix: str
    version: str
    distributions: tuple[Installed, ...]
    importable: Mapping[str, tuple[str, ...]]


def check_facts(
    interpreter: Interpreter,
    root: Path,
    plan: Plan,
    blacklist: Sequence[BlacklistEntry],
    markers: Mapping[str, str],
) -> tuple[CheckResult, ...]:
    """Check that the interpreter, the distributions and nothing else are what was planned for the environment.

    ``markers`` is the PEP 508 environment of the interpreter that it was made with.
    """
    started = time.perf_counter()
    refused = applying(blacklist, plan, markers)
    answer = interpreter.run(QUESTION, TIMEOUT, names_of(refused))
    facts = _parse(answer.output) if answer.status == 0 else None
    seconds = round(time.perf_counter() - started, 3)
    if facts is None:
        output = f"the interpreter did not answer:\n{answer.output}"
        return tuple(_result(name, [output], seconds) for name in BUILT_IN)
    return (
        _result("interpreter", _judge_interpreter(facts, root, plan), seconds),
        _result("distributions", _judge_distributions(facts, plan), seconds),
        # What a host has had before, nobody has brought: the scan has seen to all that comes.
        _result("blacklist", _judge_blacklist(facts, root, refused) if plan.given is None else (), seconds),
    )


def names_of(blacklist: Iterable[BlacklistEntry]) -> tuple[str, ...]:
    """Return the import packages that blacklisted distributions would bring, as far as names tell."""
    names = {canonicalize_name(Requirement(entry.requirement).name).replace("-", "_") for entry in blacklist}
    return tuple(sorted(names))


def _parse(output: str) -> Facts | None:
    for line in reversed(output.splitlines()):
        if line.startswith(MARK):
            try:
                return decode(Facts, json.loads(line.removeprefix(MARK)))
            except (ValueError, DecodeError):
                return None
    return None


def _result(name: str, problems: Iterable[str], seconds: float) -> CheckResult:
    output = "\n".join(problems)
    return CheckResult(
        name=name, outcome="failed" if output else "passed", critical=True, seconds=seconds, output=output
    )


def _judge_interpreter(facts: Facts, root: Path, plan: Plan) -> Iterator[str]:
    wanted = plan.target.python_version
    if not f"{facts.version}.".startswith(f"{wanted}."):
        yield f"it is Python {facts.version}; planned was {wanted}"
    if os.path.realpath(facts.prefix) != os.path.realpath(root):
        yield f"its prefix is {facts.prefix}; it should be {root}"


def _judge_distributions(facts: Facts, plan: Plan) -> Iterator[str]:
    if plan.given is not None:
        yield from _judge_beside(facts, plan)
        return
    found: dict[str, list[str]] = {}
    for item in facts.distributions:
        found.setdefault(canonicalize_name(item.name), []).append(item.version)
    for planned in plan.distributions:
        versions = found.pop(planned.name, [])
        if not versions:
            yield f"{planned.name} {planned.version} is not there"
        elif len(versions) > 1:
            yield f"{planned.name} is there more than once: {', '.join(sorted(versions))}"
        elif not _same(versions[0], planned.version):
            yield f"{planned.name} is {versions[0]}; planned was {planned.version}"
    for name, versions in sorted(found.items()):
        yield f"{name or 'a distribution without a name'} {', '.join(versions)} is there and was not planned"


def _judge_beside(facts: Facts, plan: Plan) -> Iterator[str]:
    """Judge what is imported of the distributions that a plan concerns: on a host there are others as well."""
    first: dict[str, str] = {}
    for item in facts.distributions:  # in the order of sys.path
        first.setdefault(canonicalize_name(item.name), item.version)
    wanted = {item.name: item.version for item in plan.given or ()}
    wanted |= {item.name: item.version for item in plan.distributions}
    for name, version in wanted.items():
        if name not in first:
            yield f"{name} {version} is not there"
        elif not _same(first[name], version):
            yield f"{name} is {first[name]}; planned was {version}"


def _judge_blacklist(facts: Facts, root: Path, blacklist: Sequence[BlacklistEntry]) -> Iterator[str]:
    for entry in blacklist:
        refused = Requirement(entry.requirement)
        name = canonicalize_name(refused.name)
        reason = f" ({entry.reason})" if entry.reason else ""
        for item in facts.distributions:
            if covers(entry.requirement, item.name, item.version):
                yield f"{item.name} {item.version} is installed{reason}"
        module = name.replace("-", "_")
        # The standard library may have a module of that name; and without metadata no version window can be judged.
        inside = [place for place in facts.importable.get(module, ()) if _inside(place, root)]
        if inside and not refused.specifier:
            yield f"{module} can be imported from {inside[0]}{reason}"


def _inside(place: str, root: Path) -> bool:
    return Path(os.path.realpath(place)).is_relative_to(os.path.realpath(root))


def _same(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other
