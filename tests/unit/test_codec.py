"""Values to JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import jsonschema
import pytest

from lockhouse.codec import DecodeError, decode, digest_of, encode, encode_essence, json_schema


@dataclass(frozen=True, kw_only=True)
class Inner:
    """Something inside."""

    file_size: int
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True, kw_only=True)
class Outer:
    """Something outside."""

    name: str
    ratio: float = 0.5
    inner: tuple[Inner, ...] = ()
    note: str | None = None
    named: Mapping[str, Inner] = field(default_factory=dict)
    sure: bool = True


FULL = Outer(name="x", ratio=2.0, inner=(Inner(file_size=3, kind="b"),), note="n", named={"k": Inner(file_size=1)})


def test_round_trip_through_json() -> None:
    assert decode(Outer, json.loads(json.dumps(encode(FULL)))) == FULL
    assert encode(FULL)["inner"] == [{"file-size": 3, "kind": "b"}]


def test_whole_number_is_taken_for_a_float() -> None:
    assert decode(Outer, {"name": "x", "ratio": 2}).ratio == 2.0


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({}, "name"),
        ({"name": 1}, "name"),
        ({"name": "x", "nme": 1}, "nme"),
        ({"name": "x", "sure": 1}, "sure"),
        ({"name": "x", "ratio": True}, "ratio"),
        ({"name": "x", "inner": {}}, "inner"),
        ({"name": "x", "inner": [{"file-size": 1}, {"file-size": "2"}]}, "inner[1].file-size"),
        ({"name": "x", "inner": [{"file-size": 1, "kind": "c"}]}, "inner[0].kind"),
        ({"name": "x", "named": {"k": {}}}, "named.k.file-size"),
        ({"name": "x", "note": 3}, "note"),
        ([], ""),
    ],
)
def test_data_of_another_shape_is_refused_with_its_path(data: Any, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(Outer, data)
    assert caught.value.path == path


def test_digest_is_that_of_the_content() -> None:
    again = decode(Outer, encode(FULL))
    assert digest_of(FULL) == digest_of(again)
    assert digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})
    assert digest_of(Outer(name="x")) != digest_of(Outer(name="y"))


def test_the_essence_is_what_holds_no_default() -> None:
    assert encode_essence(Outer(name="x")) == {"name": "x"}
    assert encode_essence(Outer(name="x", inner=(Inner(file_size=1),))) == {"name": "x", "inner": [{"file-size": 1}]}
    left_out = {"sure", "named"}
    assert encode_essence(FULL) == {key: item for key, item in encode(FULL).items() if key not in left_out} | {
        "named": {"k": {"file-size": 1}}
    }
    assert encode_essence({"a": None, "b": (1,)}) == {"a": None, "b": [1]}


def test_schema_accepts_what_encode_gives_and_refuses_the_rest() -> None:
    schema = json_schema(Outer, title="Outer", identifier="outer/1")
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    validator.validate(encode(FULL))
    assert not validator.is_valid({"name": "x", "inner": [{"file-size": 1, "kind": "c"}]})
    assert not validator.is_valid({"name": "x", "other": 1})


def test_what_is_no_value_is_not_encoded() -> None:
    with pytest.raises(TypeError):
        encode(object())
