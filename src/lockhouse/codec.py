"""Frozen dataclasses to JSON and back, and the digest of a value.

Keys are kebab-case; tuples are lists; None is null. Decoding is strict: an unknown key, a missing key or a wrong type
raises :class:`DecodeError` with the path to it. It knows exactly the types that the values of this package use and is
no general serialiser.

Values are read at every run, and nearly always fit. So each type is read by a function that was put together once and
only knows *that* something does not fit; what, and where, is then found by the slow and plain reader.
"""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

__all__ = ["DecodeError", "decode", "digest_of", "encode", "encode_essence", "json_schema"]

T = TypeVar("T")
Json = Any  # the parsing edge: what json.loads and tomllib.load give
Reader = Callable[[Json], Any]

SIMPLE = (str, int, float, bool)


class DecodeError(ValueError):
    """Data does not have the shape of the value; ``path`` leads to the offending place."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


def encode(value: object) -> Json:
    """Turn a value into what ``json.dumps`` takes. Empty optional fields stay: the shape never varies."""
    if value is None or isinstance(value, SIMPLE):
        return value
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {key: encode(getattr(value, name)) for key, name in _keys(type(value))}
    raise TypeError(f"cannot encode {type(value).__name__}")


def encode_essence(value: object) -> Json:
    """Do :func:`encode` without the fields that hold their default: one that a later version adds changes nothing."""
    if isinstance(value, tuple | list):
        return [encode_essence(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): encode_essence(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        held = ((field, getattr(value, field.name)) for field in fields(value))
        return {_key(field): encode_essence(item) for field, item in held if item != _default(field)}
    return encode(value)


def digest_of(value: object) -> str:
    """Sha256 (hex) of the canonical JSON of a value: sorted keys, no spaces, UTF-8."""
    text = json.dumps(encode(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def decode(cls: type[T], data: Json, path: str = "") -> T:
    """Build ``cls`` from JSON data; raise :class:`DecodeError` with the path where it does not fit."""
    kind: Any = cls
    try:
        result: T = _reader(kind)(data)
    except _Misfit:
        result = _decode(kind, data, path)
    return result


def _key(field: Field[Any]) -> str:
    return field.name.replace("_", "-")


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


@cache
def _keys(cls: type) -> tuple[tuple[str, str], ...]:
    return tuple((_key(field), field.name) for field in fields(cls))


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


class _Misfit(Exception):
    """Data does not have the shape of the value."""


@cache
def _reader(kind: Any) -> Reader:
    """Put together what reads one type: the same as :func:`_decode`, without a word about what is wrong."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _union_reader(tuple(map(_reader, get_args(kind))))
    if origin is Literal:
        return _literal_reader(get_args(kind))
    if origin is tuple:
        return _tuple_reader(_reader(get_args(kind)[0]))
    if origin in (dict, Mapping):
        return _mapping_reader(_reader(get_args(kind)[1]))
    if is_dataclass(kind):
        return _dataclass_reader(kind)
    return _simple_reader(kind)


def _simple_reader(kind: Any) -> Reader:
    def read(data: Json) -> Any:
        if type(data) is kind:
            return data
        if kind is float and type(data) is int:
            return float(data)
        if kind is int and type(data) is float and data.is_integer():  # 2.0 is an integer in JSON
            return int(data)
        raise _Misfit

    return read


def _literal_reader(allowed: tuple[Any, ...]) -> Reader:
    def read(data: Json) -> Any:
        if data in allowed:
            return data
        raise _Misfit

    return read


def _union_reader(readers: tuple[Reader, ...]) -> Reader:
    def read(data: Json) -> Any:
        for reader in readers:
            try:
                return reader(data)
            except _Misfit:
                continue
        raise _Misfit

    return read


def _tuple_reader(item: Reader) -> Reader:
    def read(data: Json) -> Any:
        if type(data) is not list:
            raise _Misfit
        return tuple([item(element) for element in data])

    return read


def _mapping_reader(item: Reader) -> Reader:
    def read(data: Json) -> Any:
        if type(data) is not dict:
            raise _Misfit
        return {key: item(element) for key, element in data.items()}

    return read


def _dataclass_reader(cls: Any) -> Reader:
    wanted: list[tuple[str, str, Any]] = [(key, name, _hints(cls)[name]) for key, name in _keys(cls)]
    needed = {_key(field) for field in fields(cls) if field.default is MISSING and field.default_factory is MISSING}
    readers: dict[str, tuple[str, Reader]] = {}

    def read(data: Json) -> Any:
        if type(data) is not dict or not needed <= data.keys():
            raise _Misfit
        if not readers:  # not before now: a class may contain itself
            readers.update({key: (name, _reader(hint)) for key, name, hint in wanted})
        values = {}
        for key, element in data.items():
            known = readers.get(key)
            if known is None:
                raise _Misfit
            values[known[0]] = known[1](element)
        return cls(**values)

    return read


def _decode(kind: Any, data: Json, path: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _decode_union(get_args(kind), data, path)
    if origin is Literal:
        if data not in get_args(kind):
            raise DecodeError(path, f"must be one of {', '.join(map(repr, get_args(kind)))}, not {data!r}")
        return data
    if origin is tuple:
        if not isinstance(data, list):
            raise DecodeError(path, f"must be a list, not {type(data).__name__}")
        return tuple(_decode(get_args(kind)[0], item, f"{path}[{i}]") for i, item in enumerate(data))
    if origin in (dict, Mapping):
        if not isinstance(data, dict):
            raise DecodeError(path, f"must be an object, not {type(data).__name__}")
        return {key: _decode(get_args(kind)[1], item, _join(path, key)) for key, item in data.items()}
    if is_dataclass(kind):
        return _decode_dataclass(kind, data, path)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if kind is int and isinstance(data, float) and data.is_integer():
        return int(data)
    if kind is type(None) and data is None:
        return None
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise DecodeError(path, f"must be {_name(kind)}, not {type(data).__name__}")
    return data


def _decode_union(kinds: tuple[Any, ...], data: Json, path: str) -> Any:
    problems: list[DecodeError] = []
    for kind in kinds:
        try:
            return _decode(kind, data, path)
        except DecodeError as problem:
            problems.append(problem)
    raise max(problems, key=lambda problem: len(problem.path))


def _decode_dataclass(cls: Any, data: Json, path: str) -> Any:
    if not isinstance(data, dict):
        raise DecodeError(path, f"must be an object, not {type(data).__name__}")
    hints = _hints(cls)
    known = {_key(field): field for field in fields(cls)}
    for key in data:
        if key not in known:
            raise DecodeError(_join(path, key), f"{cls.__name__} has no such field")
    values = {}
    for key, field in known.items():
        if key in data:
            values[field.name] = _decode(hints[field.name], data[key], _join(path, key))
        elif field.default is MISSING and field.default_factory is MISSING:
            raise DecodeError(_join(path, key), "is missing")
    return cls(**values)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _name(kind: Any) -> str:
    return {str: "a string", int: "an integer", float: "a number", bool: "true or false"}.get(kind, str(kind))


def json_schema(cls: type, *, title: str, identifier: str) -> Json:
    """Return the JSON Schema (2020-12) of a value class; ``schemas/`` holds these, and a test keeps them true."""
    definitions: dict[str, Json] = {}
    schema = _schema_of(cls, definitions)
    body = definitions.pop(cls.__name__) if "$ref" in schema else schema
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identifier,
        "title": title,
        **body,
    }
    return document | ({"$defs": dict(sorted(definitions.items()))} if definitions else {})


def _schema_of(kind: Any, definitions: dict[str, Json]) -> Json:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema_of(option, definitions) for option in get_args(kind)]}
    if origin is Literal:
        return {"enum": list(get_args(kind))}
    if origin is tuple:
        return {"type": "array", "items": _schema_of(get_args(kind)[0], definitions)}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _schema_of(get_args(kind)[1], definitions)}
    if is_dataclass(kind):
        return _dataclass_schema(kind, definitions)
    names = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
    return {"type": names[kind]}


def _dataclass_schema(cls: Any, definitions: dict[str, Json]) -> Json:
    if cls.__name__ not in definitions:
        definitions[cls.__name__] = {}  # reserve the name: a class may contain itself
        hints = _hints(cls)
        definitions[cls.__name__] = {
            "description": (cls.__doc__ or "").strip().partition("\n")[0],
            "type": "object",
            "properties": {_key(field): _schema_of(hints[field.name], definitions) for field in fields(cls)},
            "required": [
                _key(field) for field in fields(cls) if field.default is MISSING and field.default_factory is MISSING
            ],
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{cls.__name__}"}
