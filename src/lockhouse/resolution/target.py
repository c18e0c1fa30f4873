"""What a target accepts: the wheel tags, and the environment that markers are evaluated in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags

from lockhouse.host import Host

__all__ = ["target_markers", "target_tags"]

INTERPRETER = re.compile(r"(?P<name>[a-z]+)(?P<major>\d)(?P<minor>\d*)(?P<abiflags>[a-z]*)")


def target_tags(python_tag: str, platform_tags: Sequence[str]) -> tuple[str, ...]:
    """Return the wheel tags that an interpreter (``cp311``, free-threaded ``cp313t``) accepts, best first.

    ``platform_tags`` are those of the machine, best first. Nothing is taken from the interpreter that runs lockhouse.
    """
    match = INTERPRETER.fullmatch(python_tag)
    if match is None:
        raise ValueError(f"{python_tag!r} is no interpreter tag")
    version = (int(match["major"]), int(match["minor"])) if match["minor"] else (int(match["major"]),)
    interpreter = python_tag.removesuffix(match["abiflags"])
    specific: Iterable[Tag]
    if match["name"] == "cp":
        specific = cpython_tags(version, abis=[python_tag], platforms=platform_tags)
    else:
        # Other implementations name their ABI after themselves; what depends on none still fits.
        specific = generic_tags(interpreter, abis=["none"], platforms=platform_tags)
    general = compatible_tags(version, interpreter=interpreter, platforms=platform_tags)
    return tuple(dict.fromkeys(str(tag) for tag in (*specific, *general)))


def target_markers(host: Host, python_version: str) -> Mapping[str, str]:
    """Return the PEP 508 environment of the interpreter that a plan is for; raise InterpreterNotFound without it."""
    return host.required_interpreter(python_version).markers
