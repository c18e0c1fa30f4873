"""Compiled files of wheels: what they need to be loaded, read out of the files themselves without loading them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from lockhouse.values import dataclass

__all__ = ["Extension", "Kind", "NumpyApi", "may_be_compiled", "module_tag"]

Kind = Literal["elf", "pe", "mach-o", "damaged", "other"]
"""The format of a compiled file; ``damaged`` begins as one and cannot be read, ``other`` is none."""

NumpyApi = Literal["none", "1", "2"]
"""Headers of numpy that a file was compiled with. Those of 2 give files that work with numpy 1 as well."""

COMPILED = re.compile(r"\.(so(\.\d\w*)*|pyd|dll|dylib)\Z", re.IGNORECASE)
TAGGED = re.compile(r"(?:(cp)ython-(\d+[a-z]*)|(pp|pypy)(\d+)|(cp)(\d+[a-z]*))(?:-[\w-]+)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A compiled file of a wheel. ``path`` is that in the wheel, ``size`` in bytes.

    ``machine`` as platforms have it (``x86_64``); ``needed`` are the libraries that the loader must find for it and
    ``search`` the places where it looks first, both as written (``DT_NEEDED``, ``DT_RUNPATH`` or ``DT_RPATH``);
    ``soname`` is the name by which others need it. ``versions`` are the newest that it needs of the system's own
    libraries: ``{"GLIBC": "2.28", "GLIBCXX": "3.4.21"}``. Of what is not ELF only ``numpy`` is read.
    """

    path: str
    size: int
    kind: Kind
    numpy: NumpyApi = "none"
    machine: str = ""
    soname: str | None = None
    needed: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]


def may_be_compiled(path: str) -> bool:
    """Whether a file's name is that of a library or of an extension module."""
    return COMPILED.search(path) is not None


def module_tag(name: str) -> str | None:
    """Say which Python imports a file of that name: ``cp311``, ``abi3``, ``any``; None for a mere library.

    Python looks for ``m.cpython-311-x86_64-linux-gnu.so``, ``m.abi3.so`` and ``m.so`` (PEP 3149); what begins with
    ``lib`` and carries no tag is taken for a library.
    """
    stem, _, suffix = name.partition(".")
    tag, _, ending = suffix.rpartition(".")
    if ending.lower() not in ("so", "pyd") or not stem:
        return None
    if not tag:
        return None if stem.startswith("lib") else "any"
    if tag == "abi3":
        return tag
    match = TAGGED.match(tag)
    if match is None:
        return None
    family, number = [part for part in match.groups() if part]
    return f"{'pp' if family == 'pypy' else family}{number}"
