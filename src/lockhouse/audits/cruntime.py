"""Rule: compiled files need no newer C and C++ libraries than the system has, whatever the wheel's tag says.

The tag is a promise; the versions of symbols in the files are what the loader checks.
"""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence

from packaging.utils import parse_wheel_filename

from lockhouse.audits import Subject
from lockhouse.audits.telling import about
from lockhouse.extensions import Extension, module_tag
from lockhouse.extensions.system import newest_on_this_system
from lockhouse.findings import Finding
from lockhouse.machine import platform_name
from lockhouse.values import dataclass

__all__ = ["CRuntime"]

MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_\w+")
OLDER = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
"""PEP 600, "Legacy manylinux tags"."""

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CRuntime:
    """Refuse distributions of which nothing could be imported; warn where it is some files, and of newer C++.

    ``newest`` tells the newest version of ``GLIBCXX`` that this machine has, which is asked when the plan is for its
    platform.
    """

    newest: Callable[[str], str | None] = newest_on_this_system

    @property
    def name(self) -> str:
        """See :class:`~lockhouse.audits.Audit`."""
        return "c-runtime"

    @property
    def needs_wheels(self) -> bool:
        """See :class:`~lockhouse.audits.Audit`."""
        return True

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each distribution that asks too much, and a note where only its tag is wrong."""
        glibc = max(filter(None, map(_promised, (tag.rpartition("-")[2] for tag in subject.tags))), default=None)
        here = subject.plan.target.platform == platform_name(sysconfig.get_platform())
        cxx = self.newest("GLIBCXX") if here else None
        for item in subject.plan.distributions:
            facts = subject.facts.get(item.name)
            if facts is None:
                continue
            python = subject.plan.target.python_tag
            files = [one for one in facts.extensions if module_tag(one.name) in (None, "any", "abi3", python)]
            if glibc is not None:
                yield from _glibc(subject, item.name, item.filename, files, glibc)
            if cxx is not None:
                yield from _cxx(subject, item.name, files, _numbers(cxx))


def _glibc(subject: Subject, name: str, filename: str, files: Sequence[Extension], has: Version) -> Iterator[Finding]:
    wants = {item.path: _numbers(item.versions["GLIBC"]) for item in files if "GLIBC" in item.versions}
    too_new = [path for path, version in wants.items() if version > has]
    modules = [item.path for item in files if module_tag(item.name)] or list(wants)
    most = max(wants.values(), default=())
    if too_new:
        all_of_them = set(modules) <= set(too_new)
        yield about(
            subject,
            name,
            "c-runtime.glibc",
            "refuse" if all_of_them else "warn",
            f" needs glibc {_text(most)} for {len(too_new)} of its {len(files)} compiled files, {too_new[0]} among "
            f"them; the system has {_text(has)}",
            hint="" if all_of_them else f"move {name} to an older version; or use a newer system",
        )
        return
    _, _, _, tags = parse_wheel_filename(filename)
    promised = max(filter(None, (_promised(tag.platform) for tag in tags)), default=None)
    if promised is not None and most > promised:
        yield about(
            subject,
            name,
            "c-runtime.tag",
            "note",
            f" says by its tag that glibc {_text(promised)} is enough, and needs {_text(most)}; "
            f"the system has {_text(has)}",
            hint="nothing to do on this system; older ones could not load it",
        )


def _cxx(subject: Subject, name: str, files: Sequence[Extension], has: Version) -> Iterator[Finding]:
    wants = {item.path: _numbers(item.versions["GLIBCXX"]) for item in files if "GLIBCXX" in item.versions}
    too_new = {path: version for path, version in wants.items() if version > has}
    if too_new:
        path = next(iter(too_new))
        yield about(
            subject,
            name,
            "c-runtime.libstdc++",
            "warn",
            f" needs a newer libstdc++ for {len(too_new)} of its {len(files)} compiled files: {path} asks for "
            f"GLIBCXX_{_text(max(too_new.values()))}, the system has up to GLIBCXX_{_text(has)}",
            hint=f"install a newer libstdc++; or move {name} to an older version",
        )


def _promised(platform: str) -> Version | None:
    """The glibc that a platform tag asks for."""
    if match := MANYLINUX.fullmatch(platform):
        return int(match[1]), int(match[2])
    return OLDER.get(platform.partition("_")[0])


def _numbers(version: str) -> Version:
    return tuple(map(int, version.split(".")))


def _text(version: Version) -> str:
    return ".".join(map(str, version))
