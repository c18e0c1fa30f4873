"""Rule: what runs at every start of the interpreter is named, before it is there.

A line of a ``.pth`` file that begins with ``import`` is run, whatever else it says, and so are ``sitecustomize`` and
``usercustomize`` (module ``site``). It is a way to make things work, and the way in which an environment is taken over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lockhouse.audits import Subject
from lockhouse.audits.telling import about
from lockhouse.findings import Finding, Severity
from lockhouse.wheels.facts import StartUpHook

__all__ = ["StartUp"]

SHOWN = 80
"""Characters of a line that are told."""


class StartUp:
    """Note code that runs at start-up; warn of what customises the interpreter or adds paths from elsewhere."""

    name = "start-up"
    needs_wheels = True

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield one finding of each kind for a distribution."""
        for name, facts in subject.facts.items():
            code = [hook for hook in facts.hooks if hook.kind == "code"]
            modules = [hook for hook in facts.hooks if hook.kind == "module"]
            paths = [hook for hook in facts.hooks if hook.kind == "path"]
            outside = [hook for hook in paths if _leads_out(hook.text)]
            yield from self._told(subject, name, "start-up.code", "note", "runs code", code)
            yield from self._told(subject, name, "start-up.customises", "warn", "customises the interpreter", modules)
            yield from self._told(subject, name, "start-up.elsewhere", "warn", "adds paths from elsewhere", outside)
            inside = [hook for hook in paths if hook not in outside]
            yield from self._told(subject, name, "start-up.path", "note", "adds paths", inside)

    def _told(
        self, subject: Subject, name: str, code: str, severity: Severity, does: str, hooks: Sequence[StartUpHook]
    ) -> Iterator[Finding]:
        if not hooks:
            return
        files = dict.fromkeys(hook.path for hook in hooks)
        line = hooks[0].text
        shown = f": {line[:SHOWN]}{'…' if len(line) > SHOWN else ''}" if line else ""
        yield about(
            subject,
            name,
            code,
            severity,
            f" {does} at every start of the interpreter ({', '.join(files)}){shown}",
            hint=f"read {next(iter(files))} in the wheel before you trust it",
        )


def _leads_out(path: str) -> bool:
    return path.startswith(("/", "\\", "~")) or path[1:2] == ":" or ".." in path.replace("\\", "/").split("/")
