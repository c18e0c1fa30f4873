"""Rule: no wheel brings a module that another one hides, or that the standard library hides.

``site-packages`` comes after the standard library; in one folder a package comes before a compiled module, and that
before a source file (module ``importlib.machinery``, "FileFinder").
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator

from lockhouse.audits import Subject
from lockhouse.audits.telling import about, described
from lockhouse.extensions import may_be_compiled
from lockhouse.findings import Finding
from lockhouse.wheels.facts import WheelFacts

__all__ = ["Shadowing", "standard_library"]

GENERAL = frozenset(
    {
        *("benchmark", "benchmarks", "bin", "build", "config", "data", "dist", "doc", "docs", "example", "examples"),
        *("lib", "sample", "samples", "script", "scripts", "src", "test", "tests", "testing", "tools", "util", "utils"),
    }
)
"""Names of a project's own folders: one of the two hides the other."""

REMOVED = {
    12: frozenset({"asynchat", "asyncore", "distutils", "imp", "smtpd"}),
    13: frozenset(
        {
            *("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis"),
            *("nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"),
        }
    ),
}
"""Modules that a release of Python 3 no longer has ("What's New In Python", "Removed"): wheels bring them back."""

ADDED = {14: frozenset({"annotationlib", "compression"})}


class Shadowing:
    """Warn of modules that could never be imported; note names that are too general."""

    name = "shadowing"
    needs_wheels = True

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each distribution and kind."""
        standard = standard_library(subject.markers["python_version"])
        for name, facts in subject.facts.items():
            names = [*facts.modules, *facts.namespaces]
            hidden = sorted(standard & set(names))
            if hidden:
                yield about(
                    subject,
                    name,
                    "shadowing.standard",
                    "warn",
                    f" brings {_listed(hidden)}, which the standard library hides: "
                    f"Python {subject.markers['python_version']} has its own",
                    hint=f"move {name} to a version without it; or drop it, if it stood in for that module",
                )
            general = sorted(GENERAL & set(names))
            if general:
                yield about(
                    subject,
                    name,
                    "shadowing.general",
                    "note",
                    f" brings {_listed(general)} at the top level, a name that projects use for themselves",
                    hint=f"have no {general[0]} of your own on the path of this environment",
                )
        yield from self._between(subject)

    def _between(self, subject: Subject) -> Iterator[Finding]:
        """Find one name in several forms."""
        forms: dict[str, dict[int, tuple[str, str]]] = defaultdict(dict)
        for name, facts in subject.facts.items():
            for module, rank, root in _forms(facts):
                forms[module].setdefault(rank, (name, root))
        for found in forms.values():
            (owner, taken), *others = [found[rank] for rank in sorted(found)]
            for name, root in others:
                if name != owner:
                    yield about(
                        subject,
                        name,
                        "shadowing.hidden",
                        "warn",
                        f" brings {root}, which {taken} of {described(subject, owner)} hides",
                        hint=f"leave out {name} or {owner}",
                    )


def standard_library(version: str) -> frozenset[str]:
    """Name the top-level modules of the standard library of a Python 3, such as ``3.11``.

    The running one's list is corrected by what came and went: exact from 3.11 on.
    """
    minor = int(version.split(".")[1])
    names = set(sys.stdlib_module_names).union(*REMOVED.values()).difference(*ADDED.values())
    for release, removed in REMOVED.items():
        if minor >= release:
            names -= removed
    for release, added in ADDED.items():
        if minor >= release:
            names |= added
    return frozenset(names)


def _forms(facts: WheelFacts) -> Iterator[tuple[str, int, str]]:
    """Give each top-level module with the rank of its form: package, compiled, source."""
    modules = set(facts.modules)
    for root in facts.roots:
        stem, dot, _ = root.partition(".")
        if stem in modules:
            yield stem, (2 if not may_be_compiled(root) else 1) if dot else 0, root


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
