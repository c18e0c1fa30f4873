"""Where the steps of plugins stand among lockhouse's own.

The phases follow each other: a step comes after all steps of the phases before its own, and before all of those after.
Within its phase it comes directly after the last step that it needs there, or, if it needs none, after lockhouse's own.
So the whole is one line, in which each step waits for the one before. What does not fit is refused, all of it at once:
nobody can tell what would happen without a step that somebody wanted.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lockhouse.errors import Hint, PluginError
from lockhouse.guards import disabling
from lockhouse.project import Project
from lockhouse.steps import Context, Step

__all__ = ["place"]

NAME = re.compile(r"\w[\w.+-]*(:\w[\w.+-]*)?")
"""What doit takes for the name of a task, with at most one group; ``=`` would make a variable of it."""

VERBS = frozenset(
    {
        *("bundle", "clean", "diagnose", "doctor", "export", "generations", "gui", "import", "init", "install"),
        *("inventory", "plugins", "rollback", "upgrade"),
        # doit's own commands
        *("auto", "dumpdb", "forget", "help", "ignore", "info", "list", "reset-dep", "run", "strace", "tabcompletion"),
    }
)
"""Names that mean something else on the command line."""


def place(
    own: Mapping[str, Step],
    given: Sequence[Step],
    phases: Sequence[str],
    project: Project,
    source: Callable[[str], str],
) -> tuple[Step, ...]:
    """Put the ``given`` steps of plugins into their places among lockhouse's ``own``; return all in order.

    Raises PluginError that names every step that does not fit, with its plugin and that plugin's version.
    """
    return _Line(own, phases, project, source).with_steps(given)


class _Line:
    """The line while it is being put together, and what is wrong with it."""

    def __init__(
        self, own: Mapping[str, Step], phases: Sequence[str], project: Project, source: Callable[[str], str]
    ) -> None:
        self.own = own
        self.steps = dict(own)
        self.phases = tuple(phases)
        self.project = project
        self.source = source
        self.aliases: dict[str, str] = {}
        """Names that replacing steps have of their own, and what they replace."""
        self.problems: list[tuple[tuple[str, ...], str]] = []
        """Plugins that are to blame, and what is wrong."""

    def with_steps(self, given: Sequence[Step]) -> tuple[Step, ...]:
        located = [self._located(step) for step in given]
        for step in located:
            if step.replaces is None:
                self._add(step)
        for step in located:
            if step.replaces is not None:
                self._replace(step, step.replaces)
        self._tie()
        self._complain()
        ordered = self._ordered()
        self._complain()
        return tuple(self._chained(ordered))

    def _located(self, step: Step) -> Step:
        def paths(stated: Iterable[Path]) -> tuple[Path, ...]:
            return tuple(self.project.root / path for path in stated)

        return replace(step, inputs=paths(step.inputs), outputs=paths(step.outputs))

    def _add(self, step: Step) -> None:
        group = step.name.partition(":")[0]
        taken = self.steps.get(step.name)
        if step.phase not in self.phases:
            return self._blame(step, f"belongs to the phase {step.phase!r}{self._meant(step.phase, self.phases)}")
        if not NAME.fullmatch(step.name) or step.name in VERBS:
            return self._blame(step, "has a name that means something else, or nothing, on the command line")
        if taken is not None and taken.plugin is not None:
            return self._blame(step, f"has the name of one of plugin {self._who(taken)}", taken)
        if taken is not None:
            return self._blame(step, f"has the name of one of lockhouse's own; replaces={step.name!r} would replace it")
        if group in self.phases and (group, step.phase) != ("install", "install"):
            return self._blame(step, f"has a name that begins like the step {group}; only install: is a group")
        if (other := self._parted(step, group)) is not None:
            rule = "steps of a group are of one phase, and none has the name of the group"
            like = f"{other.name} of plugin {self._who(other)}"
            return self._blame(step, f"has a name that begins like {like}: {rule}", other)
        self.steps[step.name] = step
        return None

    def _parted(self, step: Step, group: str) -> Step | None:
        """Find a step of a plugin that would be of the same group of doit's, which the two cannot be."""
        for other in self.steps.values():
            if other.plugin is not None and other.name.partition(":")[0] == group:
                alone = group in (step.name, other.name)
                if alone or step.phase != other.phase:
                    return other
        return None

    def _replace(self, step: Step, name: str) -> None:
        replaced = self.steps.get(name)
        if replaced is None:
            return self._blame(step, f"replaces {name}, which does not exist{self._meant(name, self.steps)}")
        if replaced.replaces is not None:
            return self._blame(step, f"replaces {name}, and so does one of plugin {self._who(replaced)}", replaced)
        self.aliases[step.name] = name
        self.steps[name] = replace(
            step,
            name=name,
            phase=replaced.phase,
            needs=tuple(dict.fromkeys((*replaced.needs, *step.needs))),
            outputs=step.outputs or replaced.outputs,
            up_to_date=step.up_to_date or replaced.up_to_date,
            done=step.done or replaced.done,
        )
        return None

    def _tie(self) -> None:
        """Turn what steps say of their needs into names of steps that exist."""
        makers: dict[Path, str] = {}
        for step in self.steps.values():
            for path in step.outputs:
                if (other := self.steps[makers.setdefault(path, step.name)]) is not step:
                    whose = f"of plugin {self._who(other)}" if other.plugin else "of lockhouse"
                    self._blame(step, f"writes {path}, and so does the step {other.name} {whose}", other)
        for name, step in self.steps.items():
            needs = [self.aliases.get(need, need) if need not in self.steps else need for need in step.needs]
            needs += [makers[path] for path in step.inputs if makers.get(path, name) != name]
            for need in needs:
                if need not in self.steps:
                    self._blame(step, f"needs the step {need}, which does not exist{self._meant(need, self.steps)}")
                elif self._rank(self.steps[need]) > self._rank(step):
                    later = self.steps[need].phase
                    self._blame(step, f"belongs to the phase {step.phase} and needs {need}, of the later phase {later}")
            self.steps[name] = replace(step, needs=tuple(dict.fromkeys(needs)))

    def _ordered(self) -> list[Step]:
        """Go through the phases; of the steps that could come next those of plugins do first."""
        ordered: list[Step] = []
        for phase in self.phases:
            waiting = [step for step in self.steps.values() if step.phase == phase]
            waiting.sort(key=lambda step: step.name in self.own)
            needs = {step.name: self._needs_within(step, waiting) for step in waiting}
            while waiting:
                ready = next((step for step in waiting if not needs[step.name]), None)
                if ready is None:
                    self._blame_circle(_circle(needs))
                    return ordered
                waiting.remove(ready)
                ordered.append(ready)
                for others in needs.values():
                    others.discard(ready.name)
        return ordered

    def _needs_within(self, step: Step, phase: Sequence[Step]) -> set[str]:
        names = {item.name for item in phase}
        needs = names & set(step.needs)
        if needs or step.name in self.own:
            return needs
        # It comes after lockhouse's own, but for those that a plugin has put in place and made to wait for it.
        return {item.name for item in phase if item.name in self.own and not self._waits(item.name, step.name)}

    def _waits(self, name: str, wanted: str) -> bool:
        seen: set[str] = set()
        asked = [name]
        while asked:
            current = asked.pop()
            if current == wanted:
                return True
            if current not in seen:
                seen.add(current)
                asked.extend(self.steps[current].needs)
        return False

    def _chained(self, ordered: Sequence[Step]) -> Iterator[Step]:
        before: Step | None = None
        for step in ordered:
            needs = step.needs if before is None else tuple(dict.fromkeys((*step.needs, before.name)))
            before = step
            yield replace(self._kept(step), needs=needs)

    def _kept(self, step: Step) -> Step:
        """Give a plugin's step what it did not say itself: when it has nothing to do, and whose it is."""
        if step.plugin is None:
            return step
        if step.up_to_date is None and (step.inputs or step.outputs):
            from lockhouse.filesteps import remembering

            step = remembering(step, self.source(step.plugin), self.phases)
        if step.replaces is None and step.phase in ("create", "install"):
            step = _within_building(step)
        return replace(step, doc=f"{step.doc} (plugin {step.plugin})")

    def _rank(self, step: Step) -> int:
        return self.phases.index(step.phase)

    def _who(self, step: Step) -> str:
        return self.source(step.plugin) if step.plugin else "unknown"

    def _meant(self, word: str, known: Iterable[str]) -> str:
        names = tuple(known)
        close = difflib.get_close_matches(word, names, n=1)
        return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names)}"

    def _blame(self, step: Step, what: str, *others: Step) -> None:
        if step.plugin is None:  # lockhouse's own fits but for what a plugin has put in its way
            others = tuple(item for item in self.steps.values() if item.replaces is not None)
        culprits = tuple(item.plugin for item in (step, *others) if item.plugin is not None)
        self.problems.append((culprits, f"the step {step.name} of plugin {self._who(step)} {what}"))

    def _blame_circle(self, circle: Sequence[str]) -> None:
        steps = [self.steps[name] for name in circle]
        told = [f"{item.name} of plugin {self._who(item)}" if item.plugin else item.name for item in steps]
        culprits = tuple(item.plugin for item in steps if item.plugin is not None)
        self.problems.append((culprits, f"steps wait for each other in a circle: {' needs '.join((*told, told[0]))}"))

    def _complain(self) -> None:
        if not self.problems:
            return
        culprits = dict.fromkeys(name for names, _ in self.problems for name in names)
        texts = list(dict.fromkeys(text for _, text in self.problems))
        summary = texts[0] if len(texts) == 1 else f"{len(texts)} steps of plugins do not fit into the pipeline"
        raise PluginError(
            next(iter(culprits), "unknown"),
            summary,
            cause=None if len(texts) == 1 else "\n".join(texts),
            hints=[Hint("disable-plugin", disabling(name)) for name in culprits],
        )


def _circle(needs: Mapping[str, set[str]]) -> list[str]:
    """Find a circle among steps none of which is ready."""
    path = [min(name for name, others in needs.items() if others)]
    while True:
        following = min(needs[path[-1]])
        if following in path:
            return path[path.index(following) :]
        path.append(following)


def _within_building(step: Step) -> Step:
    """Keep a step that works on the new environment away from one that is finished."""
    up_to_date = step.up_to_date

    def decide(context: Context) -> bool:
        if context.candidate is not None and context.candidate.reached("sealed"):
            return True
        return up_to_date is not None and up_to_date(context)

    return replace(step, up_to_date=decide)
