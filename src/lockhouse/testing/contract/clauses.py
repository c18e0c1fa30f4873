"""What an accelerator promises, clause by clause, judged by what two witnesses saw.

A clause has a name that stays; what breaks it says what was seen, why that matters, and what to do about it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lockhouse.accelerators import Question, Support
from lockhouse.codec import DecodeError, decode
from lockhouse.host import AcceleratorReading
from lockhouse.manifest import Check
from lockhouse.probing import LONGEST_TIMEOUT
from lockhouse.testing.contract.testimony import Answer, Subject, Testimony
from lockhouse.testing.contract.witness import GENERATED, HERE, NOBODYS, ROUNDS
from lockhouse.testing.machines import ExpectedReading, RecordedMachine

__all__ = ["ACCELERATOR_CLAUSES", "PLUGIN_CLAUSES", "Breach", "Clause", "Hearing"]

QUESTION_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
MISSING = re.compile(r"No module named '([\w.]+)'")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A broken promise: ``namespace`` is empty for the plugin as a whole, ``hint`` says what to do."""

    clause: str
    namespace: str
    what: str
    why: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """All that is judged: two testimonies, given in processes of different hash seeds, and the recorded machines."""

    first: Testimony
    second: Testimony
    machines: Mapping[str, Sequence[RecordedMachine]]
    limit: float

    def decoded(self, kind: type[Any], answers: Iterable[Answer]) -> Iterator[tuple[Answer, Any]]:
        """Give those answers that are of a kind, as values; others are the business of another clause."""
        for answer in answers:
            if answer.value is not None:
                try:
                    yield answer, decode(kind, json.loads(answer.value))
                except DecodeError:
                    continue

    def readings(self, namespace: str) -> dict[str, AcceleratorReading]:
        """The readings, by case."""
        return {
            answer.case: reading
            for answer, reading in self.decoded(AcceleratorReading, self.first.of(namespace, "read"))
        }


@dataclass(frozen=True, slots=True)
class Clause:
    """A promise: ``judge`` gives, for each time it was broken, what was seen."""

    name: str
    why: str
    hint: str
    judge: Callable[[Hearing, Subject], Iterator[str]]

    def breaches(self, hearing: Hearing, subject: Subject) -> Iterator[Breach]:
        """Judge."""
        for what in self.judge(hearing, subject):
            yield Breach(clause=self.name, namespace=subject.namespace, what=what, why=self.why, hint=self.hint)


# --- the plugin as a whole ---


def _loads(hearing: Hearing, subject: Subject) -> Iterator[str]:
    loaded = hearing.first.loaded
    if loaded is not None and loaded.error is not None:
        yield f"it could not be loaded: {loaded.error}"
    elif loaded is not None and not hearing.first.subjects:
        yield "lockhouse_accelerators gave nothing"


def _comes_to_an_end(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for testimony in (hearing.first, hearing.second):
        if testimony.unfinished is not None:
            yield f"the process that asked it {testimony.ended} during {testimony.unfinished}"
            return


def _is_an_accelerator(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for item in hearing.first.subjects:
        if item.mismatch is not None:
            yield f"lockhouse_accelerators {item.mismatch}"


def _imports_no_framework(hearing: Hearing, subject: Subject) -> Iterator[str]:
    yield from _deeds(hearing, "import", "imports {what}")


def _loads_no_library(hearing: Hearing, subject: Subject) -> Iterator[str]:
    yield from _deeds(hearing, "library", "loads the library {what}")


def _starts_no_program(hearing: Hearing, subject: Subject) -> Iterator[str]:
    yield from _deeds(hearing, "program", "starts a program itself: {what}")


def _uses_no_network(hearing: Hearing, subject: Subject) -> Iterator[str]:
    yield from _deeds(hearing, "network", "uses the network: {what}")


def _leaves_things_alone(hearing: Hearing, subject: Subject) -> Iterator[str]:
    yield from _deeds(hearing, "left behind", "changes {what}")
    yield from _deeds(hearing, "write", "opens {what} for writing")


def _is_quiet(hearing: Hearing, subject: Subject) -> Iterator[str]:
    if hearing.first.printed.strip() and hearing.first.unfinished is None:
        yield f"prints {hearing.first.printed.strip()[:200]!r}"


def _deeds(hearing: Hearing, kind: str, text: str) -> Iterator[str]:
    for deed in hearing.first.deeds:
        if deed.kind == kind:
            yield f"{deed.during}: {text.format(what=deed.what)}"


# --- one accelerator ---


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
    for answer in _answers(hearing, subject):
        if answer.late:
            yield f"{answer.method}() gave no answer within {hearing.limit:g} seconds ({answer.case})"


def _raises_nothing(hearing: Hearing, subject: Subject) -> Iterator[str]:
    """Reading damaged answers has a clause of its own."""
    for answer in _answers(hearing, subject):
        if answer.error is not None and not answer.late and (answer.method != "read" or _is_sound(answer.case)):
            yield f"{answer.method}() raised {answer.error} ({answer.case})"


def _survives_garbage(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for answer in hearing.first.of(subject.namespace, "read"):
        if answer.error is not None and not answer.late and not _is_sound(answer.case):
            yield f"read() raised {answer.error} ({answer.case})"


def _gives_what_can_be_kept(hearing: Hearing, subject: Subject) -> Iterator[str]:
    wanted = {"read": AcceleratorReading, "support": Support}
    for answer in _answers(hearing, subject):
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
    for answer in _answers(hearing, subject):
        other = second.get((answer.method, answer.case))
        if other is not None and (answer.value, answer.error) != (other.value, other.error):
            yield (
                f"{answer.method}() answered {_short(answer)} and, in another process, {_short(other)} ({answer.case})"
            )
    by_case = {(item.method, item.case): item for item in _answers(hearing, subject)}
    for answer in by_case.values():
        again = by_case.get((answer.method, f"{answer.case}, again"))
        if answer.case == ROUNDS[0]:
            again = by_case.get((answer.method, ROUNDS[1]))
        if again is not None and (answer.value, answer.error) != (again.value, again.error):
            yield f"{answer.method}() answered {_short(answer)} and, asked again, {_short(again)} ({answer.case})"


def _asks_well_formed_questions(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for answer in hearing.first.of(subject.namespace, "questions")[:1]:
        names: set[str] = set()
        for item in json.loads(answer.value) if answer.value else ():
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
    if question.kind == "python" and (problem := _uncompilable(question.ask[0])):
        yield f"the program of the question {question.name} is no Python: {problem}"


def _has_a_cheap_fingerprint(hearing: Hearing, subject: Subject) -> Iterator[str]:
    for answer in hearing.first.of(subject.namespace, "fingerprint"):
        if answer.error is None and answer.kind != "str":
            yield f"fingerprint() gave a {answer.kind}, not a text"
        if answer.seconds > 1.0 and not answer.late:
            yield f"fingerprint() took {answer.seconds:.1f} seconds"


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
    if problem := _uncompilable(check.run):
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


# --- what the judges share ---

METHODS = (
    *("questions", "fingerprint", "read", "claims", "support"),
    *("variants", "index_url", "label", "checks", "build_settings"),
)


def _answers(hearing: Hearing, subject: Subject) -> tuple[Answer, ...]:
    return hearing.first.of(subject.namespace, *METHODS)


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


def _uncompilable(program: str) -> str | None:
    try:
        compile(program, "program", "exec")
    except (SyntaxError, ValueError) as error:
        return str(error)
    return None


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


PLUGIN_CLAUSES = (
    Clause(
        "loads",
        "a plugin that cannot be loaded gives nothing",
        "import it by hand: python -c 'import …'; nothing at import may raise, exit or wait",
        _loads,
    ),
    Clause(
        "comes-to-an-end",
        "lockhouse runs it in its own process, which would end or hang with it",
        "raise an exception where something cannot be done, and call nothing that may not return",
        _comes_to_an_end,
    ),
    Clause(
        "is-an-accelerator",
        "lockhouse can only ask what has all methods of lockhouse.accelerators.Accelerator, and a name to call it by",
        "give an instance, not a class, with every property and method of that protocol, and one word as namespace",
        _is_an_accelerator,
    ),
    Clause(
        "imports-no-framework",
        "importing a framework takes seconds, and crashes where a driver is broken",
        "ask in a Question of the kind python or command, which runs in a process of its own",
        _imports_no_framework,
    ),
    Clause(
        "loads-no-library",
        "a library of a vendor that hangs or crashes would do so inside lockhouse",
        "ask in a Question of the kind python, which runs in a process of its own",
        _loads_no_library,
    ),
    Clause(
        "starts-no-program",
        "nobody but a Question has a time limit, and every method is expected to answer at once",
        "ask in a Question of the kind command, and make sense of its answer in read()",
        _starts_no_program,
    ),
    Clause(
        "uses-no-network",
        "lockhouse looks at the machine without a network, and works offline",
        "keep what is needed in the plugin, as a data file with its source",
        _uses_no_network,
    ),
    Clause(
        "leaves-things-alone",
        "a plugin is a guest in the process, among others",
        "change nothing that is not your own, and start no thread",
        _leaves_things_alone,
    ),
    Clause(
        "is-quiet",
        "standard output belongs to the document of --json, and to what people are shown",
        "say it in the notes of a reading or the reason of a support",
        _is_quiet,
    ),
)
"""About the plugin as a whole."""

ACCELERATOR_CLAUSES = (
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
"""About each accelerator that it gives."""
