"""``dataclass`` as the standard library has it, quicker to define: a method is compiled when it is first called.

The library compiles six methods of every frozen class where it is defined, which takes half a millisecond. A run with
nothing to do defines a hundred classes and was busy with that for a quarter of its time, for methods of which most are
never called. Type checkers are told that this *is* :func:`dataclasses.dataclass`, and what it makes behaves as such.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass"]

WRITTEN = frozenset(
    {"__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__getstate__", "__setstate__"}
)

KINDS = frozenset({"frozen", "slots", "kw_only"})

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        """Make a dataclass. Only ``frozen`` ones that inherit from no other and write no such method gain by it."""
        if cls is None:
            return lambda cls: dataclass(cls, **options)
        if not _is_plain(cls, options):
            return dataclasses.dataclass(**options)(cls)
        bare = {name: True for name in options if name != "frozen"}
        made = dataclasses.dataclass(init=False, repr=False, eq=False, **bare)(cls)
        made.__dataclass_params__ = _parameters(tuple(options))
        _equip(made)
        return made


def _is_plain(cls: type, options: Mapping[str, bool]) -> bool:
    """Whether a class is of the kind that is worth it, and that is understood here."""
    return (
        "frozen" in options
        and KINDS.issuperset(options)
        and all(options.values())
        and not any(map(dataclasses.is_dataclass, cls.__bases__))
        and WRITTEN.isdisjoint(cls.__dict__)
        and not any("InitVar" in str(kind) for kind in cls.__annotations__.values())
    )


@cache
def _parameters(options: tuple[str, ...]) -> Any:
    """Give what :mod:`dataclasses` notes of a class with these options."""
    make: Any = dataclasses.dataclass(**dict.fromkeys(options, True))
    return make(type("Pattern", (), {})).__dataclass_params__


class _Frozen:
    """The methods that are the same for all classes."""

    def __repr__(self) -> str:
        shown = (f"{field.name}={getattr(self, field.name)!r}" for field in _fields(type(self)) if field.repr)
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


class _Slotted:
    """Those of classes with slots, which :mod:`copy` and :mod:`pickle` cannot set."""

    def __getstate__(self) -> list[Any]:
        return [getattr(self, field.name) for field in _fields(type(self))]

    def __setstate__(self, state: list[Any]) -> None:
        for field, value in zip(_fields(type(self)), state, strict=True):
            object.__setattr__(self, field.name, value)


def _equip(cls: type) -> None:
    """Give a class the methods of a frozen dataclass."""
    for name, compile_it in (("__init__", _init), ("__eq__", _eq), ("__hash__", _hash)):
        setattr(cls, name, _later(cls, name, compile_it))
    for name in ("__repr__", "__setattr__", "__delattr__"):
        setattr(cls, name, _Frozen.__dict__[name])
    if "__slots__" in cls.__dict__:
        for name in ("__getstate__", "__setstate__"):
            setattr(cls, name, _Slotted.__dict__[name])


def _later(cls: type, name: str, compile_it: Callable[[type], Callable[..., Any]]) -> Callable[..., Any]:
    """Return a method that puts the true one in its place when it is called."""

    def method(*arguments: Any, **options: Any) -> Any:
        if cls.__dict__[name] is method:
            true = compile_it(cls)
            true.__qualname__ = f"{cls.__qualname__}.{name}"
            true.__module__ = cls.__module__
            setattr(cls, name, true)
        return cls.__dict__[name](*arguments, **options)

    method.__name__ = name
    method.__qualname__ = f"{cls.__qualname__}.{name}"
    return method


def _init(cls: type) -> Callable[..., Any]:
    given: dict[str, Any] = {"_set": object.__setattr__, "_absent": dataclasses.MISSING}
    positional: list[str] = ["self"]
    named: list[str] = []
    body: list[str] = []
    for field in _fields(cls):
        parameter = value = field.name
        if field.default is not dataclasses.MISSING:
            given[f"_default_{field.name}"] = field.default
            parameter += f"=_default_{field.name}"
        elif field.default_factory is not dataclasses.MISSING:
            given[f"_make_{field.name}"] = field.default_factory
            parameter += "=_absent"
            value = f"_make_{field.name}() if {field.name} is _absent else {field.name}"
        if field.init:
            (named if field.kw_only else positional).append(parameter)
        elif field.default_factory is not dataclasses.MISSING:
            value = f"_make_{field.name}()"
        elif "__slots__" in cls.__dict__ and field.default is not dataclasses.MISSING:
            value = f"_default_{field.name}"
        else:
            continue
        body.append(f"    _set(self, {field.name!r}, {value})\n")
    if hasattr(cls, "__post_init__"):
        body.append("    self.__post_init__()\n")
    parameters = ", ".join([*positional, *(["*", *named] if named else [])])
    return _compiled(f"def __init__({parameters}):\n{''.join(body) or '    pass'}", "__init__", given)


def _hash(cls: type) -> Callable[..., Any]:
    names = [field.name for field in _fields(cls) if (field.compare if field.hash is None else field.hash)]
    return _compiled(f"def __hash__(self):\n    return hash({_tuple('self', names)})\n", "__hash__", {})


def _eq(cls: type) -> Callable[..., Any]:
    names = [field.name for field in _fields(cls) if field.compare]
    return _compiled(
        "def __eq__(self, other):\n"
        "    if other.__class__ is not self.__class__:\n"
        "        return NotImplemented\n"
        f"    return {_tuple('self', names)} == {_tuple('other', names)}\n",
        "__eq__",
        {},
    )


def _tuple(owner: str, names: list[str]) -> str:
    return f"({''.join(f'{owner}.{name}, ' for name in names)})"


def _compiled(text: str, name: str, given: dict[str, Any]) -> Callable[..., Any]:
    exec(text, given)  # noqa: S102 - made of the names of fields; the library does the same
    method: Callable[..., Any] = given[name]
    return method


def _fields(cls: type) -> Iterator[dataclasses.Field[Any]]:
    return iter(dataclasses.fields(cls))
