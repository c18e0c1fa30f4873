"""The process that asks a plugin, as ``run(path of its job)``.

It loads the plugin, asks every method of its accelerators in many cases, and writes down what came of it, line by line.
It judges nothing.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

from lockhouse.accelerators import Accelerator, Question, Ranking
from lockhouse.codec import decode, encode
from lockhouse.host import AcceleratorReading, Host, Probe
from lockhouse.isolation import NotAPlugin, implementations_of
from lockhouse.patience import Overrun, Patience
from lockhouse.probing import ask
from lockhouse.testing.contract.cases import NOTHING, broken_cases, generated
from lockhouse.testing.contract.garbage import Said
from lockhouse.testing.contract.loading import HOOK, claims, find, given_by, other_accelerators, recorded, subject_of
from lockhouse.testing.contract.testimony import END, Answer, Begun, Deed, Line, Loaded, line_of
from lockhouse.testing.contract.watching import Watch
from lockhouse.testing.machines import RecordedHost, RecordedMachine
from lockhouse.vetting import LONGEST_KEPT, MOST_QUESTIONS, describe_error

__all__ = ["DISTRIBUTIONS", "GENERATED", "PLATFORMS", "ROUNDS", "Job", "run"]

DISTRIBUTIONS = ("llama-cpp-python", "pytorch3d", "of-nobody")
"""Distributions whose build settings are asked for."""

PLATFORMS = (
    RecordedHost(),
    RecordedHost(machine="aarch64"),
    RecordedHost(system="Windows", machine="AMD64"),
    RecordedHost(system="Darwin", machine="arm64", macos="14.5"),
)
ROUNDS = ("first", "second")
GENERATED = "generated"
HERE = "this machine"
NOBODYS = frozenset({"", " ", "any", "none", "NO-SUCH", "no-such-variant"})
"""Names that no accelerator may claim."""

TWICE = ("nothing was asked", "every source: ")
"""Beginnings of broken cases that are read twice: chance would answer alike once or twice, and not dozens of times."""

WHOLE_LIMIT = 60.0
TOO_MUCH = f"; {LONGEST_KEPT} are the most"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a witness has to do. ``target`` is what loads, ``machines`` a folder or empty, ``limit`` in seconds.

    Unless it is ``thorough`` it tries no broken answers.
    """

    target: str
    machines: str
    variants: tuple[str, ...]
    limit: float
    thorough: bool
    output: str
    path: tuple[str, ...]


def run(path: str) -> None:
    """Do the job that a file describes."""
    job = decode(Job, json.loads(Path(path).read_text(encoding="utf-8")))
    sys.path[:] = list(job.path)
    sys.dont_write_bytecode = True
    with Path(job.output).open("w", encoding="utf-8") as file:
        _Witness(job, file).testify()


class _Witness:
    def __init__(self, job: Job, file: IO[str]) -> None:
        self.job = job
        self.file = file
        self.watch = Watch(self.write)
        self.given_up: set[tuple[str, str]] = set()
        self.variants = job.variants

    def write(self, line: Line | Deed) -> None:
        self.file.write(line_of(line))
        self.file.flush()

    def testify(self) -> None:
        given = self._load()
        for accelerator in given:
            subject = subject_of(accelerator)
            self.write(subject)
            if subject.mismatch is None and isinstance(accelerator, Accelerator):
                self._ask(accelerator, recorded(self.job.machines, subject.namespace))
        self.write(END)

    def _load(self) -> Sequence[object]:
        def load() -> list[object]:
            plugin = find(self.job.target)
            found = implementations_of(plugin, self.job.target)
            if HOOK not in found:
                raise NotAPlugin(f"it does not implement {HOOK}")
            return given_by(found[HOOK])

        self.write(Begun(what="import"))
        try:
            with self.watch.during("import"):
                given = Patience(self.job.target, limited=True).call(load, self.job.limit)
        except Exception as error:  # noqa: BLE001  a stranger's code
            self.write(Loaded(error=describe_error(error), late=isinstance(error, Overrun)))
            return ()
        others = list(other_accelerators(self.job.target))
        machines = [item for one in given for item in recorded(self.job.machines, str(getattr(one, "namespace", "")))]
        names = dict.fromkeys((*self.job.variants, *(name for item in machines for name in item.supports)))
        self.variants = tuple(names)
        self.write(
            Loaded(
                others={item.namespace: source for item, source in others},
                claimed={name: item.namespace for name in names for item, _ in others if claims(item, name)},
            )
        )
        return given

    def _ask(self, accelerator: Accelerator, machines: Sequence[RecordedMachine]) -> None:
        asked: object = ()
        for each in ROUNDS:
            asked = self._call(accelerator, "questions", each, lambda: tuple(accelerator.questions())) or asked
            self._call(accelerator, "fingerprint", each, accelerator.fingerprint)
        given = asked[:MOST_QUESTIONS] if isinstance(asked, tuple) else ()
        questions = tuple(item for item in given if isinstance(item, Question))
        readings = dict(self._read_all(accelerator, questions, machines))
        worth = _worth_asking(readings)
        ranked: dict[str, None] = {}
        ranking = accelerator if isinstance(accelerator, Ranking) else None
        for case, (reading, host) in worth.items() if ranking else ():
            names = self._call(accelerator, "variants", case, partial(_ranked, ranking, reading, host))
            ranked |= dict.fromkeys(name for name in names if isinstance(name, str)) if isinstance(names, tuple) else {}
        asked_about = dict.fromkeys((*self.variants, *ranked, *sorted(NOBODYS)))
        claimed = [name for name in asked_about if self._claims(accelerator, name)]
        for case, (reading, host) in worth.items():
            for variant in claimed:
                self._ask_about(accelerator, variant, reading, host, case)
        for variant in claimed:
            self._call(accelerator, "index_url", variant, partial(accelerator.index_url, variant))
            for platform in PLATFORMS:
                host = _machine(platform).host_with()
                case = f"{variant} on {platform.system} {platform.machine}"
                self._call(accelerator, "label", case, partial(accelerator.label, variant, host))

    def _claims(self, accelerator: Accelerator, name: str) -> bool:
        return self._call(accelerator, "claims", name, lambda: accelerator.claims(name)) is True

    def _read_all(
        self, accelerator: Accelerator, questions: Sequence[Question], machines: Sequence[RecordedMachine]
    ) -> Iterator[tuple[str, tuple[AcceleratorReading, Host]]]:
        for machine in machines:
            answers = machine.probes(questions)
            for each in ROUNDS:
                case = f"machine {machine.name}" + ("" if each == ROUNDS[0] else ", again")
                reading = self._read(accelerator, case, answers)
                if reading is not None:
                    yield case, (reading, machine.host_with(reading))
        good = [item.probes(questions) for item in machines if item.reading.present] or [{}]
        names = [item.name for item in questions]
        for case, said in broken_cases(names, good) if self.job.thorough else NOTHING:
            probes = _probes(accelerator.namespace, said)
            reading = self._read(accelerator, case, probes)
            if reading is not None:
                if case.startswith(TWICE):
                    self._read(accelerator, f"{case}, again", probes)
                yield case, (reading, _machine(RecordedHost()).host_with(reading))
        if self.job.thorough:
            reading = self._read(accelerator, HERE, self._ask_this_machine(accelerator, questions))
            if reading is not None:
                yield HERE, (reading, _machine(RecordedHost()).host_with(reading))
            self._call(
                accelerator, "read", GENERATED, lambda: generated(names, partial(_trouble, accelerator)), whole=True
            )

    def _ask_this_machine(self, accelerator: Accelerator, questions: Sequence[Question]) -> dict[str, Probe]:
        """Ask the questions as lockhouse does: programs that need more than the standard library fail everywhere."""
        try:
            probes = ask(accelerator.namespace, questions)
        except Exception:  # noqa: BLE001  what is wrong with a question is told from its form
            return {}
        for question, probe in zip(questions, probes, strict=True):
            if probe.error is not None:
                seen = Answer(namespace=accelerator.namespace, method="ask", case=question.name, seconds=probe.seconds)
                self.write(replace(seen, error=probe.error))
        return {question.name: probe for question, probe in zip(questions, probes, strict=True)}

    def _read(self, accelerator: Accelerator, case: str, answers: Mapping[str, Probe]) -> AcceleratorReading | None:
        given = dict(answers)
        reading = self._call(accelerator, "read", case, lambda: accelerator.read(given))
        if given != answers:
            self.write(Deed(kind="left behind", what="the answers that it was given", during="read()"))
        return reading if isinstance(reading, AcceleratorReading) and _kept(reading)[0] is not None else None

    def _ask_about(
        self, accelerator: Accelerator, variant: str, reading: AcceleratorReading, host: Host, case: str
    ) -> None:
        about = f"{variant}: {case}"
        self._call(accelerator, "support", about, lambda: accelerator.support(variant, reading, host))
        self._call(accelerator, "checks", about, lambda: tuple(accelerator.checks(variant, reading)))
        for name in DISTRIBUTIONS:
            asked = partial(accelerator.build_settings, name, variant, reading)
            self._call(accelerator, "build_settings", f"{name}, {about}", asked)

    def _call(
        self, accelerator: Accelerator, method: str, case: str, function: Callable[[], object], *, whole: bool = False
    ) -> object:
        """Ask, and write down what came of it; what has hung, or given more than can be kept, is not asked again.

        A ``whole`` game is many answers, and what hypothesis does for it is not the plugin's doing.
        """
        namespace = accelerator.namespace
        if (namespace, method) in self.given_up:
            return None
        self.write(Begun(what=f"{method}() of {namespace}, {case}"))
        started = time.perf_counter()
        answer: object = None
        error: Exception | None = None
        limit = max(self.job.limit, WHOLE_LIMIT) if whole else self.job.limit
        with nullcontext() if whole else self.watch.during(f"{method}()"):
            try:
                answer = Patience(namespace, limited=True).call(function, limit)
            except Exception as raised:  # noqa: BLE001  a stranger's code
                error = raised
        seconds = time.perf_counter() - started
        seen = Answer(namespace=namespace, method=method, case=case, seconds=seconds)
        if error is not None:
            late = isinstance(error, Overrun)
            if late:
                self.given_up.add((namespace, method))
            self.write(replace(seen, error=describe_error(error), late=late))
            return None
        value, unkept = _kept(answer)
        if unkept is not None and unkept.endswith(TOO_MUCH):
            self.given_up.add((namespace, method))
        self.write(replace(seen, kind=type(answer).__name__, value=value, unkept=unkept))
        return answer


def _ranked(ranking: Ranking | None, reading: AcceleratorReading, host: Host) -> tuple[object, ...]:
    return tuple(ranking.variants(reading, host)) if ranking else ()


def _kept(answer: object) -> tuple[str | None, str | None]:
    """Write an answer down as lockhouse would, or say why it cannot be; what is written is read back as the same."""
    try:
        data = encode(answer)
        if (size := len(json.dumps(data, ensure_ascii=False).encode())) > LONGEST_KEPT:
            return None, f"it has {size} bytes{TOO_MUCH}"
        text = json.dumps(data, sort_keys=True)
        if isinstance(answer, AcceleratorReading) and decode(AcceleratorReading, json.loads(text)) != answer:
            return None, "it is not the same after it was written down and read back"
    except (TypeError, ValueError, RecursionError) as error:
        return None, describe_error(error)
    return text, None


def _machine(platform: RecordedHost) -> RecordedMachine:
    from lockhouse.testing.machines import ExpectedReading

    return RecordedMachine(about="", reading=ExpectedReading(present=False), supports={}, host=platform)


def _probes(namespace: str, said: Mapping[str, Said]) -> dict[str, Probe]:
    return {
        name: Probe(name=f"{namespace}:{name}", answer=item.answer, seconds=0.1, error=item.error)
        for name, item in said.items()
    }


def _trouble(accelerator: Accelerator, said: Mapping[str, Said]) -> str | None:
    """Say what is wrong with the reading of some answers; what can never be kept is told without them."""
    try:
        value, unkept = _kept(accelerator.read(_probes(accelerator.namespace, said)))
    except Exception as error:  # noqa: BLE001  a stranger's code
        return describe_error(error)
    return None if value is not None or _kept(accelerator.read({}))[0] is None else unkept


def _worth_asking(
    readings: Mapping[str, tuple[AcceleratorReading, Host]],
) -> dict[str, tuple[AcceleratorReading, Host]]:
    """Keep one of each kind of reading: the machines, and of the rest those that differ."""
    seen: set[str] = set()
    kept: dict[str, tuple[AcceleratorReading, Host]] = {}
    for case, (reading, host) in readings.items():
        text = json.dumps(encode(replace(reading, notes=())), sort_keys=True, default=str)
        if case.startswith("machine ") or (text not in seen and len(seen) < 60):
            seen.add(text)
            kept[case] = reading, host
    return kept
