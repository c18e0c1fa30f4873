"""The built-in rules, registered like a stranger's. The order here is that of the scan report.

A rule is imported when it examines: that all of them have judged a plan can be told from their names, and that is all
that most runs want to know.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from lockhouse.audits import Audit, Subject
from lockhouse.findings import Finding
from lockhouse.hookspecs import hookimpl
from lockhouse.values import dataclass

__all__ = ["RULES", "BuiltIn", "lockhouse_audits"]


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A rule of this package: ``place`` is its module and class, the rest is as the class itself says."""

    name: str
    place: str
    needs_wheels: bool = False

    def load(self) -> Audit:
        """Import the rule."""
        module, _, name = self.place.partition(":")
        rule: Audit = getattr(import_module(f"{__package__}.{module}"), name)()
        return rule

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """See :class:`~lockhouse.audits.Audit`."""
        return self.load().examine(subject)


RULES = (
    BuiltIn("consistency", "consistency:Consistency"),
    BuiltIn("blacklist", "blacklist:Blacklist"),
    BuiltIn("closure", "closure:Closure"),
    BuiltIn("host", "host:HostKept"),
    BuiltIn("requires-python", "python:RequiresPython"),
    BuiltIn("labels", "labels:Labels"),
    BuiltIn("tags", "tags:Tags"),
    BuiltIn("integrity", "integrity:Integrity", needs_wheels=True),
    BuiltIn("metadata", "metadata:MetadataAgreement", needs_wheels=True),
    BuiltIn("collisions", "collisions:Collisions", needs_wheels=True),
    BuiltIn("host-files", "hostfiles:HostFiles", needs_wheels=True),
    BuiltIn("numpy-abi", "numpyabi:NumpyAbi", needs_wheels=True),
    BuiltIn("cuda", "cuda:CudaMajor", needs_wheels=True),
    BuiltIn("libraries", "libraries:Libraries", needs_wheels=True),
    BuiltIn("c-runtime", "cruntime:CRuntime", needs_wheels=True),
    BuiltIn("shadowing", "shadowing:Shadowing", needs_wheels=True),
    BuiltIn("start-up", "startup:StartUp", needs_wheels=True),
    BuiltIn("yanked", "yanked:Yanked"),
    BuiltIn("stage-order", "order:StageOrder"),
    BuiltIn("exclusions", "exclusions:Exclusions"),
    BuiltIn("licences", "licences:Licences", needs_wheels=True),
)


@hookimpl
def lockhouse_audits() -> Iterable[Audit]:
    """Give the rules that come with lockhouse."""
    return RULES
