"""Which plugins take part: each candidate is loaded, held against the hooks, and recorded, whatever becomes of it."""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from lockhouse.discovery import Candidate, Origin
from lockhouse.errors import Hint, InternalError, UsageError
from lockhouse.events import Message
from lockhouse.guards import DISABLE_VARIABLE, disabling
from lockhouse.hookspecs import ANSWER_LIMIT
from lockhouse.isolation import NotAPlugin, implementations_of
from lockhouse.patience import Patience
from lockhouse.values import dataclass
from lockhouse.vetting import describe_error

if TYPE_CHECKING:
    import pluggy

    from lockhouse.events import Emit
    from lockhouse.hooktrace import Trace

__all__ = ["CORE", "Admission", "PluginRecord", "named_to_be_left_out"]

CORE = "lockhouse"
"""What lockhouse itself gives and cannot do without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRecord:
    """What became of one plugin; ``reason`` says why it, or something that it gave, is left out."""

    name: str
    version: str
    distribution: str
    origin: Origin
    hooks: tuple[str, ...]
    status: Literal["active", "failed", "disabled"]
    reason: str | None = None

    @property
    def source(self) -> str:
        """The plugin with the version of what it came with: ``desk 2.5 (help-desk)``."""
        if self.distribution == self.name:
            return f"{self.name} {self.version}"
        return f"{self.name} {self.version} ({self.distribution})"


class Admission:
    """Lets candidates in one by one; ``implementations`` are what the active ones hook, by plugin."""

    def __init__(self, emit: Emit, trace: Trace, hidden: Iterable[str]) -> None:
        self._emit = emit
        self._trace = trace
        self._hidden = frozenset(hidden)
        self.records: dict[str, PluginRecord] = {}
        self.patience: dict[str, Patience] = {}
        self.implementations: dict[str, Mapping[str, pluggy.HookImpl]] = {}

    def admit(self, given: Candidate) -> None:
        """Load a candidate unless it is to be left out. Raises InternalError for one of lockhouse's own that fails."""
        candidate = replace(given, name=self._free_name(given))
        name = candidate.name
        self.patience[name] = Patience(name, limited=candidate.origin != "built-in")
        record = PluginRecord(
            name=name,
            version=candidate.version,
            distribution=candidate.distribution,
            origin=candidate.origin,
            hooks=(),
            status="active",
        )
        self.records[name] = record
        if name in self._hidden:
            self.records[name] = replace(record, status="disabled", reason=f"named in {DISABLE_VARIABLE}")
            return
        started = time.perf_counter()
        try:
            found = self.patience[name].call(lambda: implementations_of(candidate.load(), name), ANSWER_LIMIT)
        except Exception as error:
            if candidate.origin == "built-in":
                hints = () if name == CORE else (Hint("disable-plugin", disabling(name)),)
                raise InternalError(f"{name} cannot be loaded", cause=describe_error(error), hints=hints) from error
            problem = str(error) if isinstance(error, NotAPlugin) else describe_error(error)
            self.records[name] = replace(record, status="failed", reason=problem)
            self._trace.called(name, "import", started, problem)
            self._emit(Message(level="warning", text=f"plugin {record.source} is left out: {problem}"))
            return
        self._trace.called(name, "import", started, f"implements {', '.join(sorted(found))}")
        self.implementations[name] = found
        self.records[name] = replace(record, hooks=tuple(sorted(found)))

    def tell_of_unknown(self) -> None:
        """Say which names were to be left out and are nobody's; only what looks like a slip is worth a warning."""
        for name in sorted(self._hidden - self.records.keys()):
            close = difflib.get_close_matches(name, self.records, n=1)
            meant = f"; did you mean {close[0]}?" if close else ""
            text = f"{DISABLE_VARIABLE} names {name}, which is no plugin here{meant}"
            self._emit(Message(level="warning" if close else "detail", text=text))

    def _free_name(self, candidate: Candidate) -> str:
        """Two strangers may both have called their plugin "main": both work, and the second bears its full name.

        A comma would keep it from being left out by hand.
        """
        name = candidate.name.strip().replace(",", "_") or candidate.distribution
        while name in self.records:
            name = f"{candidate.distribution}:{name}"
        return name


def named_to_be_left_out() -> frozenset[str]:
    """Names of plugins that are to be left out by hand. Raises UsageError where that is not possible."""
    names = frozenset(name.strip() for name in os.environ.get(DISABLE_VARIABLE, "").split(",")) - {""}
    if CORE in names:
        raise UsageError(
            f"{CORE} itself cannot be disabled",
            cause="it runs the steps and gives the rules of the scan, and nobody else would",
            hints=[Hint("disable-plugin", f"leave {CORE} out of {DISABLE_VARIABLE}; all others may stand there")],
        )
    return names
