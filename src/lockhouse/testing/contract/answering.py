"""Clauses about how an accelerator answers: in time, alike, without raising, and what it makes of machines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from packaging.utils import canonicalize_name

from lockhouse.accelerators import Question, Support
from lockhouse.codec import DecodeError, decode
from lockhouse.host import AcceleratorReading
from lockhouse.probing import LONGEST_TIMEOUT
from lockhouse.testing.contract.hearing import METHODS, Clause, Hearing, answers_of, uncompilable
from lockhouse.testing.contract.testimony import Answer, Subject
from lockhouse.testing.contract.witness import GENERATED, HERE, ROUNDS
from lockhouse.testing.machines import ExpectedReading
from lockhouse.vetting import MOST_QUESTIONS

__all__ = ["ANSWER_CLAUSES"]

QUESTION_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?")
MOST_SECONDS = 1.0
"""Seconds that a fingerprint may take."""

MISSING = re.compile(r"No module named '([\w.]+)'")


def _has_a_namespace_of_its_own(hearing: Hearing, subject: Subject) -> Iterator[str]:
    others = hearing.first.loaded.others if hearing.first.loaded else {}
    if subject.namespace in others:
        yield f"the namespace {subject.namespace} is that of {others[subject.namespace]}"
    if [item.namespace for item in hearing.first.subjects].count(subject.namespace) > 1:
        yield f"the plugin gives the namespace {subject.namespace} twice"


def _names_its_family(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for name in (*subject.family, *subject.labelled):
        if name != canonicalize_name(name):
            yield f"{name!r} is no canonical name; it would be {canonicalize_name(name)!r}"
    for name in sorted(set(subject.labelled) - set(subject.family)):
        yield f"{name} is labelled and not of the family"


def _answers_in_time(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for answer in answers_of(hearing, subject):
        if answer.late:
            yield f"{answer.method}() gave no answer within {hearing.limit:g} seconds ({answer.case})"


def _raises_nothing(hearing: Hearing, subject: Subject) -> Iterator[str]:
    """Reading damaged answers has a clause of its own."""
    for answer in answers_of(hearing, subject):
        if answer.error is not None and not answer.late and (answer.method != "read" or _is_sound(answer.case)):
            yield f"{answer.method}() raised {answer.error} ({answer.case})"


def _survives_garbage(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for answer in hearing.first.of(subject.namespace, "read"):
        if answer.error is not None and not answer.late and not _is_sound(answer.case):
            yield f"read() raised {answer.error} ({answer.case})"


def _gives_what_can_be_kept(hearing: Hearing, subject: Subject) -> Iterator[str]:
    wanted = {"read": AcceleratorReading, "support": Support}
    for answer in answers_of(hearing, subject):
        kind = wanted.get(answer.method)
        if answer.error is not None or answer.case == GENERATED:
            continue
        if answer.unkept is not None:
            yield f"{answer.method}() gave what cannot be written down: {answer.unkept} ({answer.case})"
        elif kind is not None and answer.kind != kind.__name__:
            yield f"{answer.method}() gave a {answer.kind}, not a {kind.__name__} ({answer.case})"
        elif kind is not None and answer.value is not None and (problem := _undecodable(kind, answer.value)):
            yield f"{answer.method}() gave a {kind.__name__} that is none: {problem} ({answer.case})"


def _answers_alike(hearing: Hearing, subject: Subject) -> Iterator[str]:
    second = {(item.method, item.case): item for item in hearing.second.of(subject.namespace, *METHODS)}
    for answer in answers_of(hearing, subject):
        other = second.get((answer.method, answer.case))
        if other is not None and (answer.value, answer.error) != (other.value, other.error):
            yield (
                f"{answer.method}() answered {_short(answer)} and, in another process, {_short(other)} ({answer.case})"
            )
    by_case = {(item.method, item.case): item for item in answers_of(hearing, subject)}
    for answer in by_case.values():
        again = by_case.get((answer.method, f"{answer.case}, again"))
        if answer.case == ROUNDS[0]:
            again = by_case.get((answer.method, ROUNDS[1]))
        if again is not None and (answer.value, answer.error) != (again.value, again.error):
            yield f"{answer.method}() answered {_short(answer)} and, asked again, {_short(again)} ({answer.case})"


def _asks_well_formed_questions(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for answer in hearing.first.of(subject.namespace, "questions")[:1]:
        names: set[str] = set()
        given = json.loads(answer.value) if answer.value else ()
        if len(given) > MOST_QUESTIONS:
            yield f"there are {len(given)} questions; {MOST_QUESTIONS} are the most"
        for item in given[:MOST_QUESTIONS]:
            try:
                question = decode(Question, item)
            except DecodeError as error:
                yield f"a question that is none: {error}"
                continue
            yield from _judge_question(question, names)
            names.add(question.name)
    for answer in hearing.first.of(subject.namespace, "ask"):
        if answer.error is not None and (missing := MISSING.search(answer.error)):
            yield f"the program of the question {answer.case} needs {missing[1]}, which no bare interpreter has"


def _judge_question(question: Question, names: set[str]) -> Iterator[str]:
    if question.name in names:
        yield f"two questions are called {question.name}"
    if not QUESTION_NAME.fullmatch(question.name):
        yield f"the name {question.name!r} of a question is not {QUESTION_NAME.pattern}"
    if not question.ask or not all(question.ask):
        yield f"the question {question.name} asks for nothing"
        return
    if question.kind in ("python", "file") and len(question.ask) != 1:
        yield f"the question {question.name} is of the kind {question.kind} and has {len(question.ask)} parts, not 1"
    if not 0 < question.timeout <= LONGEST_TIMEOUT:
        yield f"the question {question.name} has a timeout of {question.timeout:g} s; at most {LONGEST_TIMEOUT:g} count"
    for name in question.variables:
        if not VARIABLE_NAME.fullmatch(name):
            yield f"the question {question.name} names the variable {name!r}, which is not {VARIABLE_NAME.pattern}"
    if question.kind == "python" and (problem := uncompilable(question.ask[0])):
        yield f"the program of the question {question.name} is no Python: {problem}"


def _has_a_cheap_fingerprint(hearing: Hearing, subject: Subject) -> Iterator[str]:
    answers = [item for item in hearing.first.of(subject.namespace, "fingerprint") if not item.late]
    for answer in answers:
        if answer.error is None and answer.kind != "str":
            yield f"fingerprint() gave a {answer.kind}, not a text"
    # Once may be somebody else's fault: the machine may be busy.
    if (seconds := min((item.seconds for item in answers), default=0.0)) > MOST_SECONDS:
        yield f"fingerprint() took {seconds:.1f} seconds"


def _reads_recorded_machines(hearing: Hearing, subject: Subject) -> Iterator[str]:
    readings = hearing.readings(subject.namespace)
    supports = {
        answer.case: support
        for answer, support in hearing.decoded(Support, hearing.first.of(subject.namespace, "support"))
    }
    for machine in hearing.machines.get(subject.namespace, ()):
        case = f"machine {machine.name}"
        reading = readings.get(case)
        if reading is None:
            continue
        if ExpectedReading.of(reading) != machine.reading:
            yield f"{case}: read as {ExpectedReading.of(reading)}, expected was {machine.reading}"
        if machine.notes is not None and reading.notes != machine.notes:
            yield f"{case}: the notes are {reading.notes}, expected were {machine.notes}"
        for variant, expected in machine.supports.items():
            support = supports.get(f"{variant}: {case}")
            if support is not None and support.supported != expected:
                said = f"{_yes(support.supported)} ({support.reason})"
                yield f"{case}: {variant} is {said}, expected was {_yes(expected)}"
            wanted = machine.reasons.get(variant)
            if support is not None and wanted is not None and support.reason != wanted:
                yield f"{case}: the reason for {variant} is {support.reason!r}, expected was {wanted!r}"


def _reads_sensibly(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for case, reading in hearing.readings(subject.namespace).items():
        if reading.namespace != subject.namespace:
            yield f"the reading is of {reading.namespace!r} ({case})"
        if reading.devices and not all(device.name.strip() for device in reading.devices):
            yield f"a device has no name ({case})"
        for device in reading.devices:
            if device.memory is not None and device.memory <= 0:
                yield f"device {device.index} has {device.memory} bytes of memory ({case})"
        if any("\n" in note or not note.strip() for note in reading.notes):
            yield f"a note is empty or has more than one line ({case})"


def _is_sound(case: str) -> bool:
    return case == HERE or case.startswith("machine ")


def _short(answer: Answer) -> str:
    return (answer.error or answer.value or answer.unkept or "")[:100]


def _yes(supported: bool) -> str:
    return "supported" if supported else "not supported"


def _undecodable(kind: type[Any], value: str) -> str | None:
    try:
        decode(kind, json.loads(value))
    except DecodeError as error:
        return str(error)
    return None


ANSWER_CLAUSES = (
    Clause(
        "own-namespace",
        "of two accelerators with one namespace only one is asked",
        "choose a namespace that nobody else has",
        _has_a_namespace_of_its_own,
    ),
    Clause(
        "family",
        "names are compared in their canonical spelling, and what is labelled comes from the vendor's index",
        "write names as packaging.utils.canonicalize_name does, and have labelled be a part of family",
        _names_its_family,
    ),
    Clause(
        "in-time",
        "everybody waits for it, in every run",
        "leave waiting to questions; each has a time limit of its own",
        _answers_in_time,
    ),
    Clause(
        "raises-nothing",
        "an accelerator that raises is left out, or ends the run",
        "answer also where nothing is known: an absent reading, support that says no, empty settings",
        _raises_nothing,
    ),
    Clause(
        "survives-garbage",
        "drivers are half installed, tools change their words, answers are cut off",
        "expect any text and any kind of JSON; say in the notes what could not be understood",
        _survives_garbage,
    ),
    Clause(
        "can-be-kept",
        "a reading is written down between steps, and into the lock",
        "use the types that the dataclasses declare: texts, whole numbers, tuples",
        _gives_what_can_be_kept,
    ),
    Clause(
        "answers-alike",
        "what is up to date is decided by comparing answers",
        "sort what comes from a set, and use neither time nor chance; the questions carry all that may change",
        _answers_alike,
    ),
    Clause(
        "questions",
        "they are asked as they stand",
        "give each a name of its own, a program, a path or code for the standard library alone, a timeout in seconds",
        _asks_well_formed_questions,
    ),
    Clause(
        "fingerprint",
        "it is taken in every run, also in those with nothing to do",
        "look at a few files and variables, and return a text",
        _has_a_cheap_fingerprint,
    ),
    Clause(
        "recorded-machines",
        "they are what the plugin is known to do",
        "mend read() or support(), or the recording if it is wrong",
        _reads_recorded_machines,
    ),
    Clause(
        "sensible-readings",
        "people and reports are shown them",
        "leave out what is not known: memory=None, no device",
        _reads_sensibly,
    ),
)
"""How an accelerator answers."""
