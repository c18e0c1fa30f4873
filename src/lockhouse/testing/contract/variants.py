"""Clauses about what an accelerator says of its variants: claims, reasons, labels, indexes, checks and settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from packaging.version import InvalidVersion, Version

from lockhouse.accelerators import Support
from lockhouse.codec import DecodeError, decode
from lockhouse.manifest import Check
from lockhouse.testing.contract.hearing import Clause, Hearing, uncompilable
from lockhouse.testing.contract.testimony import Answer, Subject
from lockhouse.testing.contract.witness import NOBODYS

__all__ = ["VARIANT_CLAUSES"]

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _claims_its_variants(hearing: Hearing, subject: Subject) -> Iterator[str]:
    claims = {item.case: item for item in hearing.first.of(subject.namespace, "claims")}
    for name, answer in claims.items():
        if answer.error is None and answer.kind != "bool":
            yield f"claims({name!r}) gave a {answer.kind}, not True or False"
    recorded = {name for machine in hearing.machines.get(subject.namespace, ()) for name in machine.supports}
    claimed = {name for name, answer in claims.items() if answer.value == "true"}
    for name in sorted(recorded & claims.keys() - claimed):
        yield f"it does not claim {name}, which a recorded machine expects of it"
    others = hearing.first.loaded.claimed if hearing.first.loaded else {}
    for name in sorted(claimed & others.keys()):
        yield f"it claims {name}, which the accelerator {others[name]} claims"
    for name in sorted(claimed & NOBODYS):
        yield f"it claims {name!r}"
    if claims and not claimed and not any(answer.late or answer.error for answer in claims.values()):
        asked = (name for name in claims if name.strip() and name not in NOBODYS)
        yield f"it claims none of {', '.join(sorted(asked))}"


def _ranks_variants(hearing: Hearing, subject: Subject) -> Iterator[str]:
    claimed = {item.case for item in hearing.first.of(subject.namespace, "claims") if item.value == "true"}
    answers = hearing.decoded(Support, hearing.first.of(subject.namespace, "support"))
    supports = {answer.case: support.supported for answer, support in answers}
    for answer in hearing.first.of(subject.namespace, "variants"):
        names = json.loads(answer.value) if answer.value else []
        if not all(isinstance(name, str) for name in names):
            yield f"variants() gave {names}, which are not all texts ({answer.case})"
            continue
        if len(names) != len(set(names)):
            yield f"variants() gave a name twice: {', '.join(names)} ({answer.case})"
        for name in names:
            if name not in claimed:
                yield f"variants() gave {name}, which is not claimed ({answer.case})"
            elif not supports.get(f"{name}: {answer.case}", True):
                yield f"variants() gave {name}, which is not supported there ({answer.case})"


def _gives_reasons(hearing: Hearing, subject: Subject) -> Iterator[str]:
    readings = hearing.readings(subject.namespace)
    for answer, support in hearing.decoded(Support, hearing.first.of(subject.namespace, "support")):
        if not support.reason.strip():
            yield f"support() gave no reason ({answer.case})"
        elif "\n" in support.reason.strip():
            yield f"the reason has more than one line: {support.reason!r} ({answer.case})"
        reading = readings.get(answer.case.partition(": ")[2])
        if support.supported and reading is not None and not reading.present:
            yield f"a variant is supported where there is no device ({answer.case})"


def _labels_validly(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for answer, label in _texts(hearing, subject, "label"):
        if label is None:
            continue
        try:
            local = Version(f"0+{label}").local
        except InvalidVersion:
            local = None
        if local != label:
            meant = f"; written rightly it is {local!r}" if local else ""
            yield f"label() gave {label!r}, which is no local version label{meant} ({answer.case})"
    yield from _other_kinds(hearing, subject, "label")


def _publishes_an_index(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for answer, url in _texts(hearing, subject, "index_url"):
        if url is not None and (problem := _url_problem(url)):
            yield f"index_url() gave {url!r}: {problem} ({answer.case})"
    yield from _other_kinds(hearing, subject, "index_url")


def _gives_checks_that_run(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for answer in hearing.first.of(subject.namespace, "checks"):
        names: set[str] = set()
        for item in json.loads(answer.value) if answer.value else ():
            try:
                check = decode(Check, item)
            except DecodeError as error:
                yield f"a check that is none: {error} ({answer.case})"
                continue
            yield from (f"{problem} ({answer.case})" for problem in _judge_check(check, names, subject.namespace))
            names.add(check.name)


def _judge_check(check: Check, names: set[str], namespace: str) -> Iterator[str]:
    if not check.name.strip():
        yield "a check has no name"
    if check.name in names:
        yield f"two checks are called {check.name!r}"
    if check.requires != namespace:
        yield f"the check {check.name!r} requires {check.requires!r}, not {namespace!r}"
    if check.timeout <= 0:
        yield f"the check {check.name!r} has a timeout of {check.timeout:g} seconds"
    if problem := uncompilable(check.run):
        yield f"the check {check.name!r} is no Python: {problem}"


def _gives_build_settings(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for answer in hearing.first.of(subject.namespace, "build_settings"):
        if answer.value is None:
            continue
        settings = json.loads(answer.value)
        if not isinstance(settings, dict):
            yield f"build_settings() gave a {answer.kind}, not a mapping ({answer.case})"
            continue
        for name, value in settings.items():
            if not VARIABLE.fullmatch(name):
                yield f"build_settings(): {name!r} is no name of a variable ({answer.case})"
            if not isinstance(value, str) or "\0" in value or "\n" in value:
                yield f"build_settings(): {name} is {value!r}, not one line of text ({answer.case})"


def _texts(hearing: Hearing, subject: Subject, method: str) -> Iterator[tuple[Answer, str | None]]:
    for answer in hearing.first.of(subject.namespace, method):
        if answer.value is not None and answer.kind in ("str", "NoneType"):
            yield answer, json.loads(answer.value)


def _other_kinds(hearing: Hearing, subject: Subject, method: str) -> Iterator[str]:
    for answer in hearing.first.of(subject.namespace, method):
        if answer.value is not None and answer.kind not in ("str", "NoneType"):
            yield f"{method}() gave a {answer.kind}, not a text or None ({answer.case})"


def _url_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  it is read when it is asked for
    except ValueError as error:
        return str(error)
    if any(char.isspace() for char in url):
        return "it has spaces in it"
    if parts.scheme not in ("https", "http", "file"):
        return "it is neither https: nor file:"
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        return "whoever is on the way could change what it serves; it must be https:"
    if parts.scheme != "file" and not parts.hostname:
        return "it names no host"
    if parts.username or parts.password:
        return "it holds credentials, which locks and reports would show"
    return None


VARIANT_CLAUSES = (
    Clause(
        "claims",
        "a variant of a manifest belongs to the one accelerator that claims it",
        "claim exactly your own names; tell them with --variant, or in supports of recorded machines",
        _claims_its_variants,
    ),
    Clause(
        "ranked-variants",
        "people are told of them whose manifest has none that their machine supports",
        "give each supported name once, the best first; leave the method out where the names are not known",
        _ranks_variants,
    ),
    Clause(
        "reasons",
        "detect shows them for every variant, and people decide by them",
        "say in one sentence what the machine has and what the variant needs; without a device say no",
        _gives_reasons,
    ),
    Clause(
        "labels",
        "builds are told apart by their local version label (PEP 440)",
        "give letters, digits and dots in lower case, or None",
        _labels_validly,
    ),
    Clause(
        "index-url",
        "wheels are fetched from it",
        "give an https: address, or None where the vendor publishes no index",
        _publishes_an_index,
    ),
    Clause(
        "checks",
        "they run in the new environment, and only where the device is",
        "give each a name, code that compiles, and requires= the namespace",
        _gives_checks_that_run,
    ),
    Clause(
        "build-settings",
        "they become environment variables of a build",
        "give a mapping of names to texts, empty where there is nothing to set",
        _gives_build_settings,
    ),
)
"""What an accelerator says of its variants."""
