"""Dataclasses whose methods are compiled when they are first called: just as those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, field, fields, replace
from typing import Any, ClassVar

import pytest

from lockhouse.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A value of the usual kind."""

    x: int
    y: int = 2
    tags: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict, compare=False)
    hidden: str = field(default="h", repr=False, hash=False)
    kind: ClassVar[str] = "point"

    @property
    def sum(self) -> int:
        return self.x + self.y


@dataclass(frozen=True, slots=True)
class Placed:
    """Fields by place."""

    first: int
    second: str = "b"
    third: int = field(default=3, kw_only=True)


@dataclass(frozen=True)
class Open:
    """Without slots, and with something to do at the end."""

    value: int
    made: list[int] = field(default_factory=list)
    length: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError("below zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deeper(Point):
    """Inherits."""

    z: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """Writes a method itself."""

    name: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own) and self.name.lower() == other.name.lower()

    def __hash__(self) -> int:
        return hash(self.name.lower())


def std(cls: type, **options: bool) -> Any:
    """The same class, made by the standard library."""
    namespace: dict[str, Any] = {"__annotations__": dict(cls.__annotations__), "__module__": __name__}
    for item in fields(cls):
        namespace[item.name] = field(
            default=item.default,
            default_factory=item.default_factory,
            init=item.init,
            repr=item.repr,
            hash=item.hash,
            compare=item.compare,
            kw_only=item.kw_only,
        )
    namespace = {
        name: value
        for name, value in namespace.items()
        if name.startswith("__") or (value.default, value.default_factory) != (dataclasses.MISSING,) * 2
    }
    if "__post_init__" in cls.__dict__:
        namespace["__post_init__"] = cls.__dict__["__post_init__"]
    return dataclasses.dataclass(**options)(type(cls.__name__, (), namespace))


CASES: list[tuple[type, dict[str, bool], tuple[Any, ...], dict[str, Any]]] = [
    (Point, {"frozen": True, "slots": True, "kw_only": True}, (), {"x": 1}),
    (
        Point,
        {"frozen": True, "slots": True, "kw_only": True},
        (),
        {"x": 1, "y": 5, "tags": ("a",), "notes": {"a": "b"}},
    ),
    (Placed, {"frozen": True, "slots": True}, (1,), {}),
    (Placed, {"frozen": True, "slots": True}, (1, "c"), {"third": 9}),
    (Open, {"frozen": True}, (1,), {}),
    (Open, {"frozen": True}, (1, [2]), {}),
]


@pytest.mark.parametrize(("cls", "options", "arguments", "named"), CASES)
def test_a_value_is_what_the_standard_library_would_make(
    cls: type, options: dict[str, bool], arguments: tuple[Any, ...], named: dict[str, Any]
) -> None:
    ours, theirs = cls(*arguments, **named), std(cls, **options)(*arguments, **named)

    assert repr(ours).rpartition(".")[2] == repr(theirs).rpartition(".")[2]
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert ours == cls(*arguments, **named)
    assert ours != theirs
    if cls is not Open:
        assert hash(ours) == hash(theirs)
    else:
        with pytest.raises(TypeError, match="unhashable"):
            hash(ours)
    assert str(cls.__dataclass_params__) == str(type(theirs).__dataclass_params__)  # type: ignore[attr-defined]
    assert cls.__match_args__ == type(theirs).__match_args__  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("cls", "arguments", "named"),
    [
        (Point, (), {}),
        (Point, (1,), {}),
        (Point, (), {"x": 1, "w": 2}),
        (Placed, (), {}),
        (Placed, (1, "b", 3), {}),
        (Open, (1, [], 2), {}),
    ],
)
def test_wrong_arguments_are_told_as_python_tells_them(
    cls: type, arguments: tuple[Any, ...], named: dict[str, Any]
) -> None:
    options = {Point: {"slots": True, "kw_only": True}, Placed: {"slots": True}, Open: {}}[cls]
    with pytest.raises(TypeError) as theirs:
        std(cls, frozen=True, **options)(*arguments, **named)

    with pytest.raises(TypeError) as ours:
        cls(*arguments, **named)

    assert str(ours.value).rpartition(".")[2] == str(theirs.value).rpartition(".")[2]


def test_nothing_can_be_changed() -> None:
    point = Point(x=1)

    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x
    with pytest.raises(FrozenInstanceError):
        point.other = 2  # type: ignore[attr-defined]
    assert point == Point(x=1)


def test_what_the_library_does_with_dataclasses_works() -> None:
    point = Point(x=1, notes={"a": "b"})

    assert replace(point, y=7) == Point(x=1, y=7)
    assert dataclasses.is_dataclass(Point)
    assert [item.name for item in fields(Point)] == ["x", "y", "tags", "notes", "hidden"]
    assert Point.kind == "point"
    assert point.sum == 3
    assert not hasattr(point, "__dict__")


@pytest.mark.parametrize("value", [Point(x=1, tags=("a",)), Placed(1), Open(1), Deeper(x=1, z=2), Own(name="A")])
def test_values_can_be_copied_and_sent_to_other_processes(value: object) -> None:
    assert copy.copy(value) == value
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value


def test_defaults_are_made_anew_each_time() -> None:
    assert Open(1).made is not Open(1).made


def test_what_follows_the_making_is_done() -> None:
    with pytest.raises(ValueError, match="below zero"):
        Open(-1)


def test_what_inherits_has_both_fields_and_equals_only_its_kind() -> None:
    assert Deeper(x=1, z=3) == Deeper(x=1, z=3)
    assert Deeper(x=1) != Point(x=1)
    assert repr(Deeper(x=1)).startswith("Deeper(x=1, y=2")
    with pytest.raises(FrozenInstanceError):
        Deeper(x=1).z = 2  # type: ignore[misc]


def test_a_class_of_others_can_inherit() -> None:
    @dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
    class Theirs(Point):
        w: int = 4

    assert Theirs(x=1).w == 4
    assert Theirs(x=1).x == 1
    with pytest.raises(TypeError, match="cannot inherit non-frozen"):

        @dataclasses.dataclass
        class Wrong(Point):  # type: ignore[misc]
            pass


def test_methods_that_are_written_are_kept() -> None:
    assert Own(name="A") == Own(name="a")
    assert len({Own(name="A"), Own(name="a")}) == 1


def test_the_true_method_takes_the_place_of_the_first() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Fresh:
        x: int

    Fresh(x=1)

    assert str(inspect.signature(Fresh.__init__)) == "(self, *, x)"
    assert Fresh.__init__.__qualname__.endswith("Fresh.__init__")
