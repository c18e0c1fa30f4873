"""The meaning of a manifest: requirements, markers and code that parse, names that exist."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lockhouse.errors import Problem
from lockhouse.manifest import RESERVED_STAGES, Manifest

__all__ = ["meaning_problems"]

Json = Any  # the manifest as written, before its short forms are written out

IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9_-]*")

PLACE = re.compile(r"(-e|--editable)\b|[./~\\]|[A-Za-z]:\\|\w+(\+\w+)?://|.*\.(whl|tar\.gz|zip)$")
"""What pip takes for a folder, a file or an address: requirements that name no distribution."""

INSTEAD = "list an index, or a folder in pip's find-links, that has the wheel"


def meaning_problems(manifest: Manifest, data: Json) -> Iterator[Problem]:
    """Yield every place where a manifest of the right shape does not make sense; ``data`` is it as written."""
    yield from _duplicates("stages", [stage.name for stage in manifest.stages])
    yield from _duplicates("indexes", [index.name for index in manifest.indexes])
    yield from _duplicates("checks", [check.name for check in manifest.checks])
    yield from _index_problems(manifest)
    yield from _stage_problems(manifest, data)
    yield from _variant_problems(manifest, data)
    yield from _check_problems(manifest, data)
    yield from _refusal_problems(manifest)
    yield from _environment_problems(manifest)


def _duplicates(field: str, names: Sequence[str]) -> Iterator[Problem]:
    for position, name in enumerate(names):
        first = names.index(name)
        if first < position:
            yield Problem(f"{field}[{position}].name", f"{name!r} is already the name of {field}[{first}]")


def _index_problems(manifest: Manifest) -> Iterator[Problem]:
    for position, index in enumerate(manifest.indexes):
        if index.name in RESERVED_STAGES:
            yield Problem(f"indexes[{position}].name", f"{index.name!r} has a meaning of its own; choose another name")
        for path, address in ((".url", index.url), *((f".mirrors[{i}]", url) for i, url in enumerate(index.mirrors))):
            yield from _address_problem(f"indexes[{position}]{path}", address)
    known = [index.name for index in manifest.indexes]
    for path, name in _named_indexes(manifest):
        if name in ("variant", "default") or name in known:
            if name == "variant" and not manifest.variants:
                yield Problem(path, "says 'variant', but the manifest has no variants")
            continue
        close = difflib.get_close_matches(name, [*known, "variant", "default"], n=1)
        meant = f"; did you mean {close[0]!r}?" if close else f" (known: {', '.join([*known, 'variant', 'default'])})"
        yield Problem(path, f"there is no index {name!r}{meant}")
    for variant in manifest.variants:
        name = variant.index or ""
        if name and name not in known and IDENTIFIER.fullmatch(name):
            message = f"{name!r} is neither the name of an index nor an address"
            yield Problem(f"variants.{variant.name}.index", message)
        elif name and name not in known:
            yield from _address_problem(f"variants.{variant.name}.index", name)


def _address_problem(path: str, address: str) -> Iterator[Problem]:
    """Yield what nobody can ask; whether somebody answers is seen when they are asked."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", address)
    if not address.isprintable() or address != address.strip():
        yield Problem(path, f"{address!r} has white space or control characters around or in it")
    elif scheme and scheme[1].lower() not in ("http", "https", "file"):
        yield Problem(path, f"an index is asked by http, https or file, not by {scheme[1]}")
    elif scheme and scheme[1].lower() != "file":
        try:
            parts = urlsplit(address)
            unheard = not parts.hostname or parts.port == 0
        except ValueError:  # brackets that do not fit, a port beyond 65535
            unheard = True
        if unheard:
            yield Problem(path, "names no host and port that could be asked")


def _named_indexes(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for i, stage in enumerate(manifest.stages):
        if stage.index:
            yield f"stages[{i}].index", stage.index
        for j, wish in enumerate(stage.requirements):
            if wish.index:
                yield f"stages[{i}].requirements[{j}].index", wish.index
    for variant in manifest.variants:
        for name, wish in variant.requirements.items():
            if wish.index:
                yield f"variants.{variant.name}.requirements.{name}.index", wish.index


def _stage_problems(manifest: Manifest, data: Json) -> Iterator[Problem]:
    listed: dict[str, str] = {}
    for i, stage in enumerate(manifest.stages):
        if stage.name in RESERVED_STAGES:
            yield Problem(f"stages[{i}].name", f"{stage.name!r} has a meaning of its own; choose another name")
        if stage.when is not None:
            yield from _marker_problem(f"stages[{i}].when", stage.when)
        for j, wish in enumerate(stage.requirements):
            path = f"stages[{i}].requirements[{j}]"
            if isinstance(data["stages"][i]["requirements"][j], Mapping):
                path += ".requirement"
            problem = _requirement_problem(path, wish.requirement)
            if problem:
                yield problem
                continue
            name = canonicalize_name(Requirement(wish.requirement).name)
            if name in listed:
                yield Problem(path, f"{name} is already listed at {listed[name]}")
            listed.setdefault(name, path)


def _marker_problem(path: str, marker: str) -> Iterator[Problem]:
    try:
        Marker(marker)
    except InvalidMarker as error:
        yield Problem(path, f"{marker!r} is no environment marker: {str(error).splitlines()[0]}")


def _requirement_problem(path: str, text: str) -> Problem | None:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        if PLACE.match(text):
            return Problem(path, f"{text!r} is a place, and only names can be asked for; {INSTEAD}")
        return Problem(path, f"{text!r} is no requirement: {str(error).splitlines()[0]}")
    if requirement.url:
        return Problem(path, f"{text!r} points at an address, and only names can be asked for; {INSTEAD}")
    return None


def _variant_problems(manifest: Manifest, data: Json) -> Iterator[Problem]:
    for variant, written in data.get("variants", {}).items():
        seen: dict[str, str] = {}
        for name in written.get("requirements", {}):
            first = seen.setdefault(canonicalize_name(name), name)
            if first != name:
                yield Problem(f"variants.{variant}.requirements.{name}", f"is the same distribution as {first!r}")
    for variant in manifest.variants:
        for name, wish in variant.requirements.items():
            path = f"variants.{variant.name}.requirements.{name}"
            problem = _requirement_problem(path, wish.requirement)
            if problem:
                yield problem
            elif canonicalize_name(Requirement(wish.requirement).name) != name:
                yield Problem(path, f"the requirement {wish.requirement!r} is for another distribution")


def _check_problems(manifest: Manifest, data: Json) -> Iterator[Problem]:
    stages = [stage.name for stage in manifest.stages]
    for i, check in enumerate(manifest.checks):
        yield from _code_problem(f"checks[{i}].run", check.run)
        if check.stage is not None and check.stage not in stages:
            close = difflib.get_close_matches(check.stage, stages, n=1)
            meant = f"; did you mean {close[0]!r}?" if close else f" (stages: {', '.join(stages)})"
            yield Problem(f"checks[{i}].stage", f"there is no stage {check.stage!r}{meant}")
    named = [check.name for check in manifest.checks]
    for i, stage in enumerate(manifest.stages):
        for j, check in enumerate(stage.checks):
            path = f"stages[{i}].checks[{j}]"
            written = data["stages"][i]["checks"][j]
            if isinstance(written, str) and written not in named and IDENTIFIER.fullmatch(written):
                # A lone word is Python code that would only evaluate a name: a misspelt reference.
                close = difflib.get_close_matches(written, named, n=1)
                meant = f"; did you mean {close[0]!r}?" if close else ""
                yield Problem(path, f"there is no check {written!r}{meant}")
            elif not (isinstance(written, str) and written in named):
                yield from _code_problem(path if isinstance(written, str) else f"{path}.run", check.run)


def _code_problem(path: str, code: str) -> Iterator[Problem]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python finds dubious is said by the check itself, when it runs
            compile(code, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError) as error:
        yield Problem(path, f"is not Python: {error}")
    except (RecursionError, MemoryError):
        yield Problem(path, "is nested too deeply for Python")


def _refusal_problems(manifest: Manifest) -> Iterator[Problem]:
    for i, entry in enumerate(manifest.blacklist):
        for field, text in (("requirement", entry.requirement), ("when", entry.when)):
            if text is not None and (problem := _requirement_problem(f"blacklist[{i}].{field}", text)):
                yield problem
    for i, name in enumerate(manifest.protect):
        yield from _name_problem(f"protect[{i}]", name)
    for name in manifest.build:
        yield from _name_problem(f"build.{name}", name)
    seen: dict[tuple[str, str], int] = {}
    for i, edge in enumerate(manifest.exclude):
        for field, name in (("distribution", edge.distribution), ("dependency", edge.dependency)):
            yield from _name_problem(f"exclude[{i}].{field}", name)
        pair = (canonicalize_name(edge.distribution), canonicalize_name(edge.dependency))
        if pair in seen:
            yield Problem(f"exclude[{i}]", f"says the same as exclude[{seen[pair]}]")
        seen.setdefault(pair, i)


def _name_problem(path: str, name: str) -> Iterator[Problem]:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        yield Problem(path, f"{name!r} is no name of a distribution")


def _environment_problems(manifest: Manifest) -> Iterator[Problem]:
    path = Path(manifest.environment.path)
    if ".lockhouse" in path.parts or path in (Path(), Path("..")) or "\0" in str(path):
        yield Problem("environment.path", f"{manifest.environment.path!r} is not a place for an environment")
    if manifest.hosted and manifest.environment.bytecode == "seal":
        yield Problem("environment.bytecode", "'seal' cannot be kept in a host: everybody's bytecode lands there")
    if manifest.python.provider != "conda":
        for field in ("channels", "packages"):
            if getattr(manifest.python, field):
                yield Problem(f"python.{field}", "means something only with provider 'conda'")
