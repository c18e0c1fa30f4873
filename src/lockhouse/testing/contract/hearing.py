"""What a clause of the contract is, and what it is judged by.

A clause has a name that stays; what breaks it says what was seen, why that matters, and what to do about it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lockhouse.codec import DecodeError, decode
from lockhouse.host import AcceleratorReading
from lockhouse.testing.contract.testimony import Answer, Subject, Testimony
from lockhouse.testing.machines import RecordedMachine

__all__ = ["METHODS", "Breach", "Clause", "Hearing", "answers_of", "uncompilable"]

METHODS = (
    *("questions", "fingerprint", "read", "claims", "support"),
    *("variants", "index_url", "label", "checks", "build_settings"),
)
"""Methods of an accelerator, as testimonies name them."""


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


def answers_of(hearing: Hearing, subject: Subject) -> tuple[Answer, ...]:
    """All answers of an accelerator that the first witness heard."""
    return hearing.first.of(subject.namespace, *METHODS)


def uncompilable(program: str) -> str | None:
    """Say why a program is no Python; None if it is."""
    try:
        compile(program, "program", "exec")
    except (SyntaxError, ValueError) as error:
        return str(error)
    return None
