"""What came back from a question, taken apart."""

from __future__ import annotations

import json

import pytest

from lockhouse.host import Probe
from lockhouse.replies import amount, entries, json_object, json_value, label, overdue


def probe(answer: str | None, error: str | None = None) -> Probe:
    return Probe(name="x:y", answer=answer, seconds=0.0, error=error)


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1, 2]", [1, 2]),
        ('WARNING: no permission\n[{"gpu": 0}]\n', [{"gpu": 0}]),
        ("3", 3),
        ("", None),
        (None, None),
        ("nonsense", None),
        ("[" * 100_000, None),
        ("9" * 100_000, None),
    ],
)
def test_json_is_found_behind_warnings_and_anything_else_is_nothing(answer: str | None, value: object) -> None:
    assert json_value(probe(answer)) == value
    assert json_object(probe(answer)) == (value if isinstance(value, dict) else {})


def test_without_a_probe_there_is_nothing() -> None:
    assert json_value(None) is None
    assert json_object(None) == {}


def test_of_a_list_the_objects_count_and_no_more_than_anybody_has() -> None:
    assert list(entries([{"a": 1}, None, 3, {"b": 2}])) == [{"a": 1}, {"b": 2}]
    assert len(list(entries([{}] * 1000))) == 64
    assert list(entries({"a": 1})) == []


@pytest.mark.parametrize(
    ("value", "text"), [(" NVIDIA H200\n", "NVIDIA H200"), ("x" * 999, "x" * 200), (None, ""), (5, ""), ([], "")]
)
def test_a_name_is_a_short_clean_text(value: object, text: str) -> None:
    assert label(value) == text


def test_half_characters_do_not_come_through() -> None:
    label(json.loads('"\\ud800"')).encode("utf-8")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        ("42", 42),
        (" 42 ", 42),
        (0, None),
        (-1, None),
        (True, None),
        ("4e9", None),
        ("9" * 99, None),
        (1.5, None),
    ],
)
def test_an_amount_is_a_positive_whole_number(value: object, number: int | None) -> None:
    assert amount(value) == number


def test_only_questions_that_were_given_up_on_are_told() -> None:
    answers = {"a": probe(None, "no answer within 5 s; stopped"), "b": probe(None, "exit status 1"), "c": probe("x")}
    assert overdue(answers) == ["a: no answer within 5 s; stopped"]
